namespace Recipes.Core.Imaging;

/// <summary>The filter that <see cref="Resize"/> weighs neighbouring pixels with.</summary>
public enum Resampling
{
    /// <summary>Triangle, support 1.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = -0.5, support 2.</summary>
    Bicubic,

    /// <summary>Windowed sinc, support 3.</summary>
    Lanczos,
}
