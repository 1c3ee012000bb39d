namespace Recipes.Core.Imaging.Annotators;

/// <summary>Canny's edges, white on black.</summary>
public sealed record CannyAnnotator : IAnnotator
{
    /// <inheritdoc/>
    public string Kind => "canny";

    /// <summary>Canny's lower threshold, see <see cref="Canny.Detect"/>.</summary>
    public double Low { get; init; } = 100;

    /// <summary>Canny's upper threshold.</summary>
    public double High { get; init; } = 200;

    /// <inheritdoc/>
    public Image Annotate(Image image) => Canny.Detect(image, Low, High).ToImage();
}
