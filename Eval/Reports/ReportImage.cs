using System.Buffers.Binary;
using Recipes.Core;
using Recipes.Core.Imaging;

namespace Recipes.Eval.Reports;

/// <summary>An encoded picture (PNG, JPEG, WebP or GIF) that the page embeds byte for byte.</summary>
public sealed class ReportImage
{
    private readonly byte[] _bytes;

    /// <param name="bytes">The encoded file.</param>
    /// <param name="description">What a reader who cannot see it is told; null says nothing.</param>
    /// <exception cref="RecipesException">The bytes begin like none of the four formats.</exception>
    public ReportImage(byte[] bytes, string? description = null)
    {
        _bytes = bytes;
        Description = description;
        MediaType = Sniff(bytes)
            ?? throw new RecipesException(
                description ?? "report picture",
                $"its {bytes.Length} bytes are no PNG, JPEG, WebP or GIF file",
                "Give the encoded file, not its pixels.");
    }

    /// <summary>A picture in memory, embedded as PNG.</summary>
    public static ReportImage Of(Image image, string? description = null) =>
        new(ImageFile.EncodePng(image), description);

    /// <summary>Reads a picture file as it is.</summary>
    public static ReportImage Read(string path, string? description = null)
    {
        try
        {
            return new ReportImage(File.ReadAllBytes(path), description ?? Path.GetFileName(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path, "this picture of the report cannot be read", "Check that the file is there and readable.", error);
        }
    }

    public string? Description { get; }

    public string MediaType { get; }

    /// <summary>
    /// Width and height in pixels where the format tells them early (PNG), so that the page does not jump.
    /// </summary>
    public (int Width, int Height)? Size =>
        MediaType == "image/png" && _bytes.Length >= 24
            ? (BinaryPrimitives.ReadInt32BigEndian(_bytes.AsSpan(16)),
               BinaryPrimitives.ReadInt32BigEndian(_bytes.AsSpan(20)))
            : null;

    /// <summary>The picture as a <c>data:</c> address.</summary>
    public string DataUri => $"data:{MediaType};base64,{Convert.ToBase64String(_bytes)}";

    private static string? Sniff(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith<byte>([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) ? "image/png"
        : bytes.StartsWith<byte>([0xFF, 0xD8, 0xFF]) ? "image/jpeg"
        : bytes.StartsWith("GIF8"u8) ? "image/gif"
        : bytes.Length >= 12 && bytes.StartsWith("RIFF"u8) && bytes[8..].StartsWith("WEBP"u8) ? "image/webp"
        : null;
}
