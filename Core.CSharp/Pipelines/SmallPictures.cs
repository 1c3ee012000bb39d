using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>The small pictures that an upscaler learns to enlarge.</summary>
public static class SmallPictures
{
    /// <summary>Means over squares of <paramref name="factor"/> pixels a side: what a coarser sensor would see.</summary>
    /// <param name="pictures">[n, 3, height, width]; the sides are multiples of the factor.</param>
    /// <param name="factor">Pixels of the large picture for one of the small, in each direction.</param>
    /// <returns>[n, 3, height / factor, width / factor].</returns>
    /// <exception cref="RecipesException">A side is no multiple of the factor.</exception>
    public static Tensor Of(Tensor pictures, int factor)
    {
        var (height, width) = (pictures.shape[2], pictures.shape[3]);
        if (height % factor != 0 || width % factor != 0)
        {
            throw new RecipesException(
                "Small pictures",
                $"pictures of {width}x{height} px do not shrink {factor} times",
                $"Give sides that are multiples of {factor}.");
        }

        return nn.functional.avg_pool2d(pictures, factor);
    }
}
