using System.Buffers.Binary;
using System.Text;

namespace Recipes.Core.Imaging;

/// <summary>Reads the texts that <see cref="ImageFile.WritePng"/> put into a picture.</summary>
public static class PngText
{
    /// <summary>Keyword and value of each tEXt and uncompressed iTXt chunk; empty when there is none.</summary>
    /// <exception cref="RecipesException">The file is missing, unreadable or no whole PNG file.</exception>
    public static IReadOnlyDictionary<string, string> Read(string path)
    {
        byte[] bytes;

        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path, $"the picture cannot be read ({error.Message.TrimEnd('.')})", "Check the path.", error);
        }

        var texts = new Dictionary<string, string>();
        var at = 8;

        if (bytes.Length < at || bytes[1] != 'P' || bytes[2] != 'N' || bytes[3] != 'G')
        {
            throw new RecipesException(path, $"{bytes.Length:N0} bytes that are no PNG file", "Name a PNG file.");
        }

        while (true)
        {
            var length = at + 12L > bytes.Length ? -1L : BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(at));

            if (length < 0 || at + 12L + length > bytes.Length)
            {
                throw new RecipesException(
                    path, $"the PNG file breaks off at byte {bytes.Length:N0}", "Copy or download it again.");
            }

            var type = Encoding.ASCII.GetString(bytes, at + 4, 4);
            var data = bytes.AsSpan(at + 8, (int)length);
            var end = data.IndexOf((byte)0);

            if (type == "IEND")
            {
                return texts;
            }

            if (type == "tEXt" && end > 0)
            {
                texts[Encoding.Latin1.GetString(data[..end])] = Encoding.Latin1.GetString(data[(end + 1)..]);
            }
            else if (type == "iTXt" && end > 0 && International(data[(end + 1)..]) is { } value)
            {
                texts[Encoding.Latin1.GetString(data[..end])] = value;
            }

            at += 12 + (int)length;
        }
    }

    // Compression flag and method, language tag, translated keyword, then the text in UTF-8.
    private static string? International(ReadOnlySpan<byte> data)
    {
        if (data.Length < 4 || data[0] != 0)
        {
            return null;
        }

        data = data[2..];

        for (var skipped = 0; skipped < 2; skipped++)
        {
            var end = data.IndexOf((byte)0);

            if (end < 0)
            {
                return null;
            }

            data = data[(end + 1)..];
        }

        return Encoding.UTF8.GetString(data);
    }
}
