using System.Globalization;

namespace Recipes.Core.Imaging.Annotators;

/// <summary>
/// Depth of a scene put together from layers whose distances are known: inverse distance, from white at the nearest
/// layer to black at the background, as ControlNets of depth take it. From a picture alone no depth is estimated:
/// there is no network for it.
/// </summary>
public sealed class LayeredDepth : IAnnotator
{
    private readonly IReadOnlyList<DepthLayer> _layers;
    private readonly double _nearest;
    private readonly double _background;

    /// <param name="layers">The layers in any order; nearer ones cover farther ones.</param>
    /// <param name="background">Distance of what no layer covers; infinitely far when null.</param>
    /// <exception cref="RecipesException">There is no layer, or a distance that cannot be.</exception>
    public LayeredDepth(IReadOnlyList<DepthLayer> layers, double? background = null)
    {
        ArgumentNullException.ThrowIfNull(layers);
        _background = background ?? double.PositiveInfinity;
        if (layers.Count == 0)
        {
            throw Bad("no layer is given, and depth is not estimated from a picture alone");
        }

        foreach (var layer in layers)
        {
            if (!(layer.Distance > 0 && layer.Distance < _background))
            {
                throw Bad(string.Create(
                    CultureInfo.InvariantCulture,
                    $"a layer at {layer.Distance} with the background at {_background} cannot be"));
            }
        }

        _layers = [.. layers.OrderByDescending(layer => layer.Distance)];
        _nearest = _layers[^1].Distance;
    }

    /// <inheritdoc/>
    public string Kind => "depth";

    /// <inheritdoc/>
    /// <exception cref="RecipesException">A mask is not of the picture's size.</exception>
    public Image Annotate(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var depth = new double[image.Width * image.Height];
        foreach (var layer in _layers)
        {
            if ((layer.Mask.Width, layer.Mask.Height) != (image.Width, image.Height))
            {
                throw new RecipesException(
                    "control \"depth\"",
                    $"a mask of {layer.Mask.Width}x{layer.Mask.Height} for a picture of {image.Width}x{image.Height}",
                    "Give masks of the picture's size.");
            }

            var brightness = ((1 / layer.Distance) - (1 / _background)) / ((1 / _nearest) - (1 / _background));
            var cover = Luma.Of(layer.Mask);
            for (var i = 0; i < depth.Length; i++)
            {
                depth[i] += (brightness - depth[i]) * cover[i] / 255;
            }
        }

        var drawn = new Image(image.Width, image.Height);
        for (var i = 0; i < depth.Length; i++)
        {
            drawn.Pixels.AsSpan(i * Image.Channels, Image.Channels).Fill((byte)Math.Round(255 * depth[i]));
        }

        return drawn;
    }

    private static RecipesException Bad(string fault) => new(
        "control \"depth\"", fault, "Give each layer's mask and distance, all above 0 and nearer than the background.");
}
