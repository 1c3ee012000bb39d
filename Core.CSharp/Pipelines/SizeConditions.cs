namespace Recipes.Core.Pipelines;

/// <summary>
/// What SDXL is told of sizes (Podell et al. 2023, section 2.2), in pixels, height before width. What is left out is
/// the size of the picture that is drawn, and no crop.
/// </summary>
public sealed record SizeConditions
{
    /// <summary>The picture's size before training scaled it: small ones look blurred.</summary>
    public (int Height, int Width)? Original { get; init; }

    /// <summary>What training cut off at the top and at the left: above 0 things leave the frame.</summary>
    public (int Top, int Left) Crop { get; init; }

    /// <summary>The size of the training bucket.</summary>
    public (int Height, int Width)? Target { get; init; }

    /// <summary>The six numbers of the time ids, for a picture of a size.</summary>
    internal float[] TimeIds((int Height, int Width) picture)
    {
        var (original, target) = (Original ?? picture, Target ?? picture);
        return [original.Height, original.Width, Crop.Top, Crop.Left, target.Height, target.Width];
    }
}
