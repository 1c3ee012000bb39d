namespace Recipes.Core.Imaging;

/// <summary>What a picture file says of itself before its pixels are decoded.</summary>
/// <param name="Width">Width in pixels as shown, after the orientation is applied.</param>
/// <param name="Height">Height in pixels as shown, after the orientation is applied.</param>
/// <param name="HasAlpha">Whether pixels may be transparent.</param>
/// <param name="Orientation">EXIF orientation, 1 (upright) to 8.</param>
/// <param name="Format">"png", "jpeg", "webp", "bmp", "gif" and so on.</param>
public sealed record ImageHeader(int Width, int Height, bool HasAlpha, int Orientation, string Format);
