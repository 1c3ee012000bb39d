namespace Recipes.Core.Imaging.Annotators;

/// <summary>Segments of given masks, each in one colour; what no mask covers stays black.</summary>
public sealed class MaskSegmentation : IAnnotator
{
    private readonly IReadOnlyList<Segment> _segments;

    /// <param name="segments">The segments; later ones cover earlier ones.</param>
    /// <exception cref="RecipesException">There is none.</exception>
    public MaskSegmentation(IReadOnlyList<Segment> segments)
    {
        ArgumentNullException.ThrowIfNull(segments);
        _segments = segments.Count > 0
            ? segments
            : throw new RecipesException(
                "control \"segmentation\"", "there is no mask", "Give masks, or segment the picture by its colours.");
    }

    /// <inheritdoc/>
    public string Kind => "segmentation";

    /// <inheritdoc/>
    /// <exception cref="RecipesException">A mask is not of the picture's size.</exception>
    public Image Annotate(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var drawn = new Image(image.Width, image.Height);
        foreach (var segment in _segments)
        {
            if ((segment.Mask.Width, segment.Mask.Height) != (image.Width, image.Height))
            {
                throw new RecipesException(
                    "control \"segmentation\"",
                    $"a mask of {segment.Mask.Width}x{segment.Mask.Height} for a picture of "
                        + $"{image.Width}x{image.Height}",
                    "Give masks of the picture's size.");
            }

            var cover = Luma.Of(segment.Mask);
            for (var i = 0; i < cover.Length; i++)
            {
                if (cover[i] > 127)
                {
                    var pixel = drawn.Pixels.AsSpan(i * Image.Channels, Image.Channels);
                    (pixel[0], pixel[1], pixel[2]) = segment.Colour;
                }
            }
        }

        return drawn;
    }
}
