namespace Recipes.Core.Imaging;

/// <summary>A picture in memory: 8-bit sRGB, rows from top to bottom, three bytes a pixel.</summary>
public sealed class Image
{
    /// <summary>The channels of a pixel: red, green, blue.</summary>
    public const int Channels = 3;

    /// <summary>Wraps the bytes without copying them.</summary>
    /// <param name="width">Pixels in a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="pixels">Height x width x 3 bytes, the channel fastest.</param>
    /// <exception cref="ArgumentException">A side is below 1, or the byte count is not height x width x 3.</exception>
    public Image(int width, int height, byte[] pixels)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);

        if (pixels.LongLength != (long)width * height * Channels)
        {
            throw new ArgumentException(
                $"{width}x{height} RGB pixels take {(long)width * height * Channels} bytes, not {pixels.LongLength}",
                nameof(pixels));
        }

        Width = width;
        Height = height;
        Pixels = pixels;
    }

    /// <summary>A black picture.</summary>
    public Image(int width, int height)
        : this(width, height, new byte[checked(width * height * Channels)])
    {
    }

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>Height x width x 3 bytes (HWC), red first.</summary>
    public byte[] Pixels { get; }

    /// <summary>Bytes from one row to the next.</summary>
    public int Stride => Width * Channels;

    /// <summary>One row, width x 3 bytes.</summary>
    public Span<byte> Row(int y) => Pixels.AsSpan(y * Stride, Stride);
}
