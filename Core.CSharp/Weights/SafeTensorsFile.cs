using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace Recipes.Core.Weights;

/// <summary>
/// A safetensors file, mapped into memory and read lazily: opening it reads and checks the header alone. Layout:
/// 8 bytes header length (little endian), a JSON header, then the tensors' bytes back to back.
/// Needs no native code of libtorch. Not to be shortened by others while it is open.
/// </summary>
public sealed class SafeTensorsFile : IDisposable
{
    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view;
    private readonly unsafe byte* data;
    private readonly SafeFileHandle handle;
    private readonly long start;
    private bool disposed;

    private unsafe SafeTensorsFile(
        string path, SafeTensorsHeader header, MemoryMappedFile map, SafeFileHandle handle, long headerEnd)
    {
        this.handle = handle;
        start = headerEnd;
        Path = path;
        Metadata = header.Metadata;
        Tensors = header.Tensors;
        this.map = map;
        view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* first = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref first);
        data = first + view.PointerOffset + headerEnd;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The header's <c>__metadata__</c>; empty where there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors by name, in the order of their bytes in the file.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>Opens a file and checks its whole header.</summary>
    /// <exception cref="RecipesException">It is missing, unreadable, cut short or malformed.</exception>
    public static SafeTensorsFile Open(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            var length = stream.Length;
            if (length < 8)
            {
                throw SafeTensorsHeader.Bad(path, $"it has {length} bytes, too few for a safetensors file");
            }

            Span<byte> prefix = stackalloc byte[8];
            stream.ReadExactly(prefix);
            var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
            if (headerLength > SafeTensorsHeader.MaxLength)
            {
                throw SafeTensorsHeader.Bad(
                    path,
                    $"it states a header of {headerLength} bytes, above the limit of {SafeTensorsHeader.MaxLength}");
            }

            if (headerLength > (ulong)(length - 8))
            {
                throw SafeTensorsHeader.Bad(
                    path,
                    $"it states a header of {headerLength} bytes, but only {length - 8} bytes follow");
            }

            var json = new byte[headerLength];
            stream.ReadExactly(json);
            var headerEnd = 8 + (long)headerLength;
            var header = SafeTensorsHeader.Parse(path, json, length - headerEnd);
            var map = MemoryMappedFile.CreateFromFile(
                stream, null, length, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            var handle = File.OpenHandle(path, options: FileOptions.SequentialScan);
            return new SafeTensorsFile(path, header, map, handle, headerEnd);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RecipesException(path, "there is no such file", "Check the path, or download the weights.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path, $"it cannot be read ({e.Message.TrimEnd('.')})", "Check that it is a readable file.", e);
        }
    }

    /// <summary>The tensor of that name.</summary>
    /// <exception cref="RecipesException">The file has no such tensor.</exception>
    public TensorInfo Info(string name) =>
        Tensors.TryGetValue(name, out var info)
            ? info
            : throw new RecipesException(
                Path,
                $"it has no tensor {SafeTensorsHeader.Quote(name)} among its {Tensors.Count}",
                "Check that this is the file you mean.");

    /// <summary>The raw little-endian bytes of a tensor of up to 2 GB, straight from the mapping.</summary>
    /// <remarks>Valid until the file is disposed.</remarks>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        var info = Info(name);
        return info.Length <= int.MaxValue
            ? Bytes(info, 0, (int)info.Length)
            : throw new RecipesException(
                Path,
                $"tensor {SafeTensorsHeader.Quote(name)} has {info.Length} bytes, more than one span holds",
                "Read it as a tensor instead.");
    }

    /// <summary>Part of a tensor's bytes, so that tensors of any size can be read in pieces.</summary>
    internal unsafe ReadOnlySpan<byte> Bytes(TensorInfo info, long offset, int count)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, info.Length - count);
        return new ReadOnlySpan<byte>(data + info.Begin + offset, count);
    }

    /// <summary>
    /// Reads part of a tensor's bytes without the mapping: pages of a mapping count as this process's memory, so that
    /// a model read through one would take its size twice.
    /// </summary>
    /// <exception cref="RecipesException">The file has become shorter, or cannot be read.</exception>
    internal void Read(TensorInfo info, long offset, Span<byte> target)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        try
        {
            for (var done = 0; done < target.Length;)
            {
                var count = RandomAccess.Read(handle, target[done..], start + info.Begin + offset + done);
                done += count > 0 ? count : throw new EndOfStreamException("it has become shorter");
            }
        }
        catch (IOException e)
        {
            throw new RecipesException(
                Path, $"it cannot be read ({e.Message.TrimEnd('.')})", "Check the disk it lies on.", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!disposed)
        {
            handle.Dispose();
            disposed = true;
            view.SafeMemoryMappedViewHandle.ReleasePointer();
            view.Dispose();
            map.Dispose();
        }
    }
}
