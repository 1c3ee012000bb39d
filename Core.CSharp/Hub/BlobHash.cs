using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Recipes.Core.Hub;

/// <summary>
/// The hash that names a file's contents on a hub: SHA-256 for large ones, and for others git's blob hash, the SHA-1
/// over <c>blob</c>, a space, the size in decimal, a zero byte, and the contents.
/// </summary>
internal sealed class BlobHash : IDisposable
{
    private readonly HubFile file;
    private readonly IncrementalHash hash;

    public BlobHash(HubFile file)
    {
        this.file = file;
        hash = IncrementalHash.CreateHash(file.IsLarge ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
        Begin();
    }

    /// <summary>Bytes seen.</summary>
    public long Count { get; private set; }

    public void Append(ReadOnlySpan<byte> bytes)
    {
        hash.AppendData(bytes);
        Count += bytes.Length;
    }

    /// <summary>Forgets what was seen and sees what the file at this path holds.</summary>
    public void Restart(string path)
    {
        hash.GetHashAndReset();
        Begin();
        if (!File.Exists(path))
        {
            return;
        }

        using var stream = File.OpenRead(path);
        var buffer = new byte[1 << 20];
        for (int read; (read = stream.Read(buffer)) > 0;)
        {
            Append(buffer.AsSpan(0, read));
        }
    }

    /// <summary>The hash of what was seen, in hexadecimal.</summary>
    public string Value() => Convert.ToHexStringLower(hash.GetCurrentHash());

    /// <summary>Whether the file at this path has the size and hash of <paramref name="file"/>.</summary>
    public static bool Fits(string path, HubFile file)
    {
        if (new FileInfo(path).Length != file.Size)
        {
            return false;
        }

        using var hash = new BlobHash(file);
        hash.Restart(path);
        return hash.Value() == file.Hash;
    }

    public void Dispose() => hash.Dispose();

    private void Begin()
    {
        Count = 0;
        if (!file.IsLarge)
        {
            hash.AppendData(Encoding.ASCII.GetBytes($"blob {file.Size.ToString(CultureInfo.InvariantCulture)}\0"));
        }
    }
}
