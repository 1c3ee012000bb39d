using Recipes.Core;
using Recipes.Core.Imaging;

namespace Recipes.Eval.Metrics;

/// <summary>The peak signal-to-noise ratio of pictures.</summary>
public static class Psnr
{
    /// <summary>
    /// 10 log10 (255^2 / mean squared difference over pixels and channels), in dB; infinite for equal pictures.
    /// </summary>
    /// <exception cref="RecipesException">The pictures differ in size.</exception>
    public static double Of(Image picture, Image reference)
    {
        PicturePair.Check("PSNR", picture, reference);
        long squares = 0;
        for (var i = 0; i < picture.Pixels.Length; i++)
        {
            var difference = picture.Pixels[i] - reference.Pixels[i];
            squares += difference * difference;
        }

        return 10 * Math.Log10(255.0 * 255.0 * picture.Pixels.Length / squares);
    }
}
