namespace Recipes.Core.Data;

/// <summary>A size that pictures are trained at.</summary>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
public readonly record struct Bucket(int Width, int Height)
{
    /// <summary>Width over height.</summary>
    public double Ratio => (double)Width / Height;

    /// <summary>Pixels in all.</summary>
    public long Area => (long)Width * Height;

    /// <inheritdoc/>
    public override string ToString() => $"{Width}x{Height}";
}
