using SkiaSharp;

namespace Recipes.Core.Imaging;

/// <summary>Picture files: PNG, JPEG, WebP, BMP and GIF are read, PNG is written.</summary>
public static class ImageFile
{
    /// <summary>The longest side that is decoded, in pixels.</summary>
    public const int MaxSide = 16384;

    /// <summary>The most pixels that are decoded.</summary>
    public const long MaxPixels = 200_000_000;

    /// <summary>Reads the header alone.</summary>
    /// <exception cref="RecipesException">The file is missing, unreadable, empty, too large or no picture.</exception>
    public static ImageHeader Probe(string path)
    {
        using var stream = Open(path);
        using var codec = Codec(path, stream);
        var swapped = Orientation.SwapsSides(codec.EncodedOrigin);

        return new ImageHeader(
            swapped ? codec.Info.Height : codec.Info.Width,
            swapped ? codec.Info.Width : codec.Info.Height,
            codec.Info.AlphaType != SKAlphaType.Opaque,
            (int)codec.EncodedOrigin,
            codec.EncodedFormat.ToString().ToLowerInvariant());
    }

    /// <summary>
    /// Decodes to RGB: grey and CMYK are converted, transparency is laid over white, the EXIF orientation is applied,
    /// colour profiles are ignored (as Pillow does). Of an animation, the first frame.
    /// </summary>
    /// <exception cref="RecipesException">
    /// The file is missing, unreadable, empty, truncated, too large or no picture.
    /// </exception>
    public static Image Decode(string path) => Decode(path, OverWhite);

    /// <summary>
    /// The transparency of the same picture: white where it is opaque, black where nothing is to be seen; all white
    /// where the file knows no transparency.
    /// </summary>
    /// <exception cref="RecipesException">As for <see cref="Decode(string)"/>.</exception>
    public static Image DecodeAlpha(string path) => Decode(path, Opacity);

    private static Image Decode(string path, Func<SKBitmap, Image> read)
    {
        using var stream = Open(path);
        using var codec = Codec(path, stream);
        // A destination without colour space keeps the file's own values.
        var info = new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        using var bitmap = new SKBitmap();

        if (!bitmap.TryAllocPixels(info))
        {
            throw new RecipesException(
                path, $"{info.Width}x{info.Height} pixels do not fit into memory", "Scale the picture down.");
        }

        var result = codec.GetPixels(info, bitmap.GetPixels());

        if (result != SKCodecResult.Success)
        {
            var fault = result == SKCodecResult.IncompleteInput
                ? $"the picture breaks off early: {Size(path)} hold only part of {info.Width}x{info.Height} pixels"
                : $"the picture of {Size(path)} is damaged ({result})";
            throw new RecipesException(path, fault, "Copy or download it again, or take it out of the folder.");
        }

        return Orientation.Apply(read(bitmap), codec.EncodedOrigin);
    }

    /// <summary>The bytes of a PNG file; the same picture and texts always give the same bytes.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="text">Text chunks: keyword of 1 to 79 Latin-1 characters, and any value.</param>
    public static byte[] EncodePng(Image image, IReadOnlyDictionary<string, string>? text = null)
    {
        ArgumentNullException.ThrowIfNull(image);
        return PngWriter.Encode(image, text);
    }

    /// <summary>Writes a PNG file under a temporary name and renames it, so that no half file is ever seen.</summary>
    /// <exception cref="RecipesException">The folder is missing, not writable or full.</exception>
    public static void WritePng(string path, Image image, IReadOnlyDictionary<string, string>? text = null)
    {
        var bytes = EncodePng(image, text);
        var temporary = path + ".part";

        try
        {
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Discard(temporary);
            throw new RecipesException(
                path,
                $"the picture of {bytes.Length:N0} bytes cannot be written ({error.Message.TrimEnd('.')})",
                "Check that the folder exists, may be written to, and that its disk has room.",
                error);
        }
    }

    private static FileStream Open(string path)
    {
        if (Directory.Exists(path))
        {
            throw new RecipesException(path, "this is a folder, not a picture", "Name a file in it.");
        }

        try
        {
            return File.OpenRead(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RecipesException(
                path, "no such picture file", "Check the path, upper and lower case too.", error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path,
                $"the picture cannot be read ({error.Message.TrimEnd('.')})",
                "Make the file readable, or take it out of the folder.",
                error);
        }
    }

    private static SKCodec Codec(string path, FileStream stream)
    {
        if (stream.Length == 0)
        {
            throw new RecipesException(
                path, "the file is empty (0 bytes)", "Copy or download it again, or take it out of the folder.");
        }

        var codec = SKCodec.Create(stream, out var result);

        if (codec is null)
        {
            throw new RecipesException(
                path,
                $"{Size(path)} that are no picture this program can read ({result})",
                "Save it as PNG, JPEG or WebP, or take it out of the folder.");
        }

        var (width, height) = (codec.Info.Width, codec.Info.Height);

        if (width < 1 || height < 1 || width > MaxSide || height > MaxSide || (long)width * height > MaxPixels)
        {
            codec.Dispose();
            throw new RecipesException(
                path,
                $"the file claims {width}x{height} pixels; at most {MaxSide} a side and {MaxPixels:N0} in all are read",
                "Scale the picture down.");
        }

        return codec;
    }

    private static unsafe Image OverWhite(SKBitmap bitmap)
    {
        var image = new Image(bitmap.Width, bitmap.Height);

        for (var y = 0; y < image.Height; y++)
        {
            var start = (byte*)bitmap.GetPixels() + ((long)y * bitmap.RowBytes);
            var source = new ReadOnlySpan<byte>(start, image.Width * 4);
            var target = image.Row(y);

            for (int from = 0, to = 0; from < source.Length; from += 4, to += 3)
            {
                int alpha = source[from + 3];
                target[to] = Blend(source[from], alpha);
                target[to + 1] = Blend(source[from + 1], alpha);
                target[to + 2] = Blend(source[from + 2], alpha);
            }
        }

        return image;
    }

    private static unsafe Image Opacity(SKBitmap bitmap)
    {
        var image = new Image(bitmap.Width, bitmap.Height);

        for (var y = 0; y < image.Height; y++)
        {
            var start = (byte*)bitmap.GetPixels() + ((long)y * bitmap.RowBytes);
            var source = new ReadOnlySpan<byte>(start, image.Width * 4);
            var target = image.Row(y);

            for (var x = 0; x < image.Width; x++)
            {
                target.Slice(x * Image.Channels, Image.Channels).Fill(source[(x * 4) + 3]);
            }
        }

        return image;
    }

    private static byte Blend(int value, int alpha) => (byte)(((value * alpha) + (255 * (255 - alpha)) + 127) / 255);

    private static string Size(string path) => $"{new FileInfo(path).Length:N0} bytes";

    private static void Discard(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The write error itself is reported; a left-over part file is overwritten by the next try.
        }
    }
}
