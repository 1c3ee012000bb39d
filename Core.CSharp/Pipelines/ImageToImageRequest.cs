namespace Recipes.Core.Pipelines;

/// <summary>Which pictures to draw over, and how.</summary>
public sealed record ImageToImageRequest : PictureRequest
{
    /// <inheritdoc/>
    public override double Strength { get; init; } = 0.8;

    internal override string Name => "Image to image";
}
