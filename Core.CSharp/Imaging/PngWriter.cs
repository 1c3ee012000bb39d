using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace Recipes.Core.Imaging;

/// <summary>
/// 8-bit RGB PNG (ISO/IEC 15948). Each row takes the filter whose residuals have the smallest sum of magnitudes;
/// texts go into tEXt chunks, or iTXt where they are not Latin-1, sorted by keyword.
/// </summary>
internal static class PngWriter
{
    private static readonly Dictionary<string, string> Empty = [];

    private static readonly byte[] Signature = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>The whole file.</summary>
    public static byte[] Encode(Image image, IReadOnlyDictionary<string, string>? text)
    {
        var file = new MemoryStream();
        file.Write(Signature);
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, image.Width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), image.Height);
        header[8] = 8; // bits a sample
        header[9] = 2; // RGB; the rest is 0: deflate, adaptive filters, not interlaced
        Chunk(file, "IHDR", header);

        foreach (var (keyword, value) in (text ?? Empty).OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            WriteText(file, keyword, value);
        }

        Chunk(file, "IDAT", Deflate(image));
        Chunk(file, "IEND", []);
        return file.ToArray();
    }

    private static void WriteText(MemoryStream file, string keyword, string value)
    {
        if (keyword.Length is 0 or > 79 || keyword.Trim() != keyword || keyword.Contains("  ", StringComparison.Ordinal)
            || !keyword.All(IsLatin1))
        {
            throw new ArgumentException(
                $"'{keyword}' is no PNG keyword: 1 to 79 Latin-1 characters without outer or double spaces",
                nameof(keyword));
        }

        byte[] key = [.. Encoding.Latin1.GetBytes(keyword), 0];

        if (value.All(c => c == '\n' || IsLatin1(c)))
        {
            Chunk(file, "tEXt", [.. key, .. Encoding.Latin1.GetBytes(value)]);
        }
        else
        {
            // Not compressed, no language tag, no translated keyword.
            Chunk(file, "iTXt", [.. key, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(value)]);
        }
    }

    private static bool IsLatin1(char c) => c is (>= ' ' and <= '~') or (>= '\u00A1' and <= '\u00FF');

    private static byte[] Deflate(Image image)
    {
        var packed = new MemoryStream();
        using (var zlib = new ZLibStream(packed, CompressionLevel.SmallestSize))
        {
            var above = new byte[image.Stride];
            var best = new byte[image.Stride + 1];
            var trial = new byte[image.Stride + 1];

            for (var y = 0; y < image.Height; y++)
            {
                var row = image.Row(y);
                var smallest = long.MaxValue;

                for (byte filter = 0; filter <= 4; filter++)
                {
                    var size = Filter(filter, row, above, trial);

                    if (size < smallest)
                    {
                        smallest = size;
                        (best, trial) = (trial, best);
                    }
                }

                zlib.Write(best);
                row.CopyTo(above);
            }
        }

        return packed.ToArray();
    }

    // Writes the filter's number and residuals; returns the sum of their magnitudes as signed bytes.
    private static long Filter(byte filter, ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, Span<byte> filtered)
    {
        filtered[0] = filter;
        var sum = 0L;

        for (var i = 0; i < row.Length; i++)
        {
            int left = i < 3 ? 0 : row[i - 3], up = above[i], corner = i < 3 ? 0 : above[i - 3];
            var predicted = filter switch
            {
                0 => 0,
                1 => left,
                2 => up,
                3 => (left + up) / 2,
                _ => Paeth(left, up, corner),
            };
            var residual = (byte)(row[i] - predicted);
            filtered[i + 1] = residual;
            sum += Math.Abs((int)(sbyte)residual);
        }

        return sum;
    }

    private static int Paeth(int left, int up, int corner)
    {
        var (toLeft, toUp, toCorner) =
            (Math.Abs(up - corner), Math.Abs(left - corner), Math.Abs(left + up - (2 * corner)));
        return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
    }

    private static void Chunk(MemoryStream file, string type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        byte[] body = [.. Encoding.ASCII.GetBytes(type), .. data];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(body);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32.Of(body));
        file.Write(number);
    }
}
