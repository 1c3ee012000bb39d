using SkiaSharp;

namespace Recipes.Core.Imaging;

/// <summary>The eight EXIF orientations (EXIF 2.3, tag 0x0112).</summary>
internal static class Orientation
{
    /// <summary>Whether width and height change places.</summary>
    public static bool SwapsSides(SKEncodedOrigin origin) => origin >= SKEncodedOrigin.LeftTop;

    /// <summary>Turns and mirrors the stored picture to how it is shown.</summary>
    public static Image Apply(Image stored, SKEncodedOrigin origin) => origin switch
    {
        SKEncodedOrigin.TopRight => Flip.Horizontal(stored),
        SKEncodedOrigin.BottomRight => Flip.Vertical(Flip.Horizontal(stored)),
        SKEncodedOrigin.BottomLeft => Flip.Vertical(stored),
        SKEncodedOrigin.LeftTop => Flip.Transpose(stored),
        SKEncodedOrigin.RightTop => Flip.Horizontal(Flip.Transpose(stored)),
        SKEncodedOrigin.RightBottom => Flip.Vertical(Flip.Horizontal(Flip.Transpose(stored))),
        SKEncodedOrigin.LeftBottom => Flip.Vertical(Flip.Transpose(stored)),
        _ => stored,
    };
}
