using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Recipes.Core.Weights;

/// <summary>One hash for several files of a folder.</summary>
internal static class FolderHash
{
    /// <summary>
    /// SHA-256, in hexadecimal, over each file's path below <paramref name="folder"/>, its length and its bytes, in the
    /// order of the paths, so that neither the folder's place nor the order of <paramref name="files"/> matters.
    /// </summary>
    public static string Of(string folder, IEnumerable<string> files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        var length = new byte[8];
        foreach (var (name, path) in files
            .Select(path => (Path.GetRelativePath(folder, path).Replace('\\', '/'), path))
            .OrderBy(file => file.Item1, StringComparer.Ordinal))
        {
            try
            {
                using var stream = File.OpenRead(path);
                hash.AppendData(Encoding.UTF8.GetBytes(name + '\0'));
                BinaryPrimitives.WriteInt64LittleEndian(length, stream.Length);
                hash.AppendData(length);
                for (int read; (read = stream.Read(buffer)) > 0;)
                {
                    hash.AppendData(buffer.AsSpan(0, read));
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new RecipesException(
                    path, $"it cannot be read ({e.Message.TrimEnd('.')})", "Check that it is a readable file.", e);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
