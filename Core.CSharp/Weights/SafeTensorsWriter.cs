using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using static TorchSharp.torch;

namespace Recipes.Core.Weights;

/// <summary>
/// Writes safetensors files. The same tensors give the same bytes in whatever order they come: sorted by element type
/// and name as the reference writer does, metadata by key, the header padded with spaces to a multiple of 8 bytes.
/// </summary>
public static class SafeTensorsWriter
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);
    private static readonly Dictionary<string, string> Empty = [];

    // The format compares names as UTF-8, which is the order of code points and not that of UTF-16.
    private static readonly Comparer<byte[]> ByBytes =
        Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b));

    /// <summary>
    /// Writes to a new file beside <paramref name="path"/>, which takes its place once it is complete and on the disk;
    /// on any failure the old file stays as it was.
    /// </summary>
    /// <param name="path">The file to write; its folder must exist.</param>
    /// <param name="tensors">Names and tensors, of any device and layout.</param>
    /// <param name="metadata">Strings for the header.</param>
    /// <exception cref="RecipesException">A name comes twice, a type is unknown there, or writing fails.</exception>
    public static void Write(
        string path,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IReadOnlyDictionary<string, string>? metadata = null) =>
        Write(path, tensors, metadata, temporary => new FileStream(temporary, FileMode.CreateNew, FileAccess.Write));

    /// <summary>As above, with the way the new file is opened left open, so that tests can fill a disk.</summary>
    internal static void Write(
        string path,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IReadOnlyDictionary<string, string>? metadata,
        Func<string, FileStream> create)
    {
        var (header, entries) = Plan(path, tensors, metadata);
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = create(temporary))
            {
                stream.Write(header);
                foreach (var (_, tensor, _) in entries)
                {
                    PourBytes(tensor, stream.Write);
                }

                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path,
                $"it cannot be written ({e.Message.TrimEnd('.')}); what was there before is unchanged",
                "Check that the folder exists, is writable and has room, or choose another.",
                e);
        }
        finally
        {
            // Gone already when all went well; deleting a file that is not there does nothing, a missing folder throws.
            if (File.Exists(temporary))
            {
                File.Delete(temporary);
            }
        }
    }

    /// <summary>
    /// Gives the bytes that a file would have instead of writing it: the header in one piece, then the tensors'.
    /// </summary>
    /// <param name="path">What to call the file in messages.</param>
    /// <param name="tensors">Names and tensors.</param>
    /// <param name="metadata">Strings for the header.</param>
    /// <param name="take">Called with each piece in order.</param>
    internal static void Pour(
        string path,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IReadOnlyDictionary<string, string>? metadata,
        Take take)
    {
        var (header, entries) = Plan(path, tensors, metadata);
        take(header);
        foreach (var (_, tensor, _) in entries)
        {
            PourBytes(tensor, take);
        }
    }

    /// <summary>Takes a piece of a file.</summary>
    internal delegate void Take(ReadOnlySpan<byte> bytes);

    private static (byte[] Header, List<(string Name, Tensor Tensor, DType Type)> Entries) Plan(
        string path,
        IEnumerable<KeyValuePair<string, Tensor>> tensors,
        IReadOnlyDictionary<string, string>? metadata)
    {
        var entries = Arrange(path, tensors);
        var strings = (metadata ?? Empty).SelectMany(pair => new[] { pair.Key, pair.Value });
        foreach (var text in entries.Select(entry => entry.Name).Concat(strings))
        {
            CheckUnicode(path, text);
        }

        return (Header(entries, metadata), entries);
    }

    private static void CheckUnicode(string path, string text)
    {
        try
        {
            Strict.GetByteCount(text);
        }
        catch (EncoderFallbackException e)
        {
            throw new RecipesException(
                path,
                $"the text {SafeTensorsHeader.Quote(text)} for its header is not valid Unicode",
                "Choose another text.",
                e);
        }
    }

    private static List<(string Name, Tensor Tensor, DType Type)> Arrange(
        string path, IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        var entries = new List<(string Name, Tensor Tensor, DType Type)>();
        var names = new HashSet<string>();
        foreach (var (name, tensor) in tensors)
        {
            if (!names.Add(name) || name == "__metadata__")
            {
                throw new RecipesException(
                    path,
                    $"tensor {SafeTensorsHeader.Quote(name)} is reserved or given twice",
                    "Name every tensor once.");
            }

            var type = TensorIO.DTypeOf(tensor.dtype) ?? throw new RecipesException(
                path,
                $"tensor {SafeTensorsHeader.Quote(name)} is of type {tensor.dtype}, which safetensors cannot hold",
                "Convert it first.");
            entries.Add((name, tensor, type));
        }

        return
        [
            .. entries
                .OrderByDescending(entry => entry.Type)
                .ThenBy(entry => Encoding.UTF8.GetBytes(entry.Name), ByBytes),
        ];
    }

    private static byte[] Header(
        List<(string Name, Tensor Tensor, DType Type)> entries, IReadOnlyDictionary<string, string>? metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        buffer.Write<byte>(new byte[8]);
        using (var json = new Utf8JsonWriter(buffer, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            var at = 0L;
            foreach (var (name, tensor, type) in entries)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", type.HeaderName());
                WriteNumbers(json, "shape", tensor.shape);
                var end = at + (tensor.numel() * type.Size());
                WriteNumbers(json, "data_offsets", [at, end]);
                json.WriteEndObject();
                at = end;
            }

            json.WriteEndObject();
        }

        buffer.Write(Enumerable.Repeat((byte)' ', -buffer.WrittenCount & 7).ToArray());
        var header = buffer.WrittenSpan.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - 8);
        return header;
    }

    private static void WriteNumbers(Utf8JsonWriter json, string key, long[] numbers)
    {
        json.WriteStartArray(key);
        foreach (var number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }

    private static void PourBytes(Tensor tensor, Take take)
    {
        using var scope = NewDisposeScope();
        TensorIO.EachPiece(tensor.detach().cpu().contiguous(), (_, bytes) => take(bytes));
    }
}
