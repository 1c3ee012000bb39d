using Recipes.Core;
using Recipes.Core.Imaging;

namespace Recipes.Eval.Metrics;

/// <summary>Two pictures that are compared pixel by pixel.</summary>
internal static class PicturePair
{
    public static void Check(string metric, Image picture, Image reference)
    {
        ArgumentNullException.ThrowIfNull(picture);
        ArgumentNullException.ThrowIfNull(reference);
        if ((picture.Width, picture.Height) != (reference.Width, reference.Height))
        {
            throw new RecipesException(
                metric,
                $"a picture of {picture.Width}x{picture.Height} cannot be laid over its reference of "
                    + $"{reference.Width}x{reference.Height}",
                "Resize or crop one of them first.");
        }
    }
}
