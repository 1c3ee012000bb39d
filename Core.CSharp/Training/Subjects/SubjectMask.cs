using Recipes.Core.Imaging;
using static TorchSharp.torch;

namespace Recipes.Core.Training.Subjects;

/// <summary>Mask pictures at the latents' size, and the weights of the loss's pixels that follow from them.</summary>
public static class SubjectMask
{
    /// <summary>
    /// How much of each latent pixel the masks cover, [n, 1, height / factor, width / factor] in 0 to 1, float32 on the
    /// CPU: the mean brightness of the factor × factor pixels behind it.
    /// </summary>
    /// <param name="masks">White where the subject is; all of one size.</param>
    /// <param name="factor">Pixels of a picture along each side of a latent pixel.</param>
    /// <param name="names">What to call each mask in messages, such as its file.</param>
    /// <exception cref="RecipesException">
    /// A mask is empty or full, of another size than the first, or not of whole latent pixels.
    /// </exception>
    public static Tensor FromImages(IReadOnlyList<Image> masks, int factor, IReadOnlyList<string> names)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(names.Count, masks.Count);
        for (var index = 0; index < masks.Count; index++)
        {
            RequireSize(masks[index], masks[0], factor, names[index]);
        }

        using var scope = NewDisposeScope();
        var covered = nn.functional.avg_pool2d(MaskTensor.FromImages(masks), factor, factor);
        using var sums = covered.mean([1, 2, 3]);
        var shares = sums.data<float>().ToArray();
        for (var index = 0; index < masks.Count; index++)
        {
            if (shares[index] is 0 or 1)
            {
                throw new RecipesException(
                    names[index],
                    shares[index] == 0 ? "the mask is empty" : "the mask is full and so leaves nothing out",
                    "Draw the subject white on black, or leave the mask out.");
            }
        }

        return covered.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The weights of a loss that is the mean over all pixels, [batch, 1, height, width]: background + (1 - background)
    /// × mask and, per area, divided by its mean over the picture.
    /// </summary>
    /// <param name="masks">[batch, 1, height, width] in 0 to 1, none all zero.</param>
    /// <param name="options">Normalisation and background.</param>
    public static Tensor Weights(Tensor masks, MaskedLossOptions options)
    {
        options.Check();
        using var scope = NewDisposeScope();
        var weights = masks.mul(1 - options.Background).add(options.Background);
        return (options.Normalisation == MaskNormalisation.PerArea
            ? weights / weights.mean([1, 2, 3], keepdim: true)
            : weights).MoveToOuterDisposeScope();
    }

    /// <summary>Masks at an attention map's resolution: the mean over the pixels behind each of its own.</summary>
    /// <param name="masks">[batch, subjects, height, width].</param>
    /// <param name="like">[batch, subjects, smaller height, smaller width].</param>
    internal static Tensor Shrink(Tensor masks, Tensor like) =>
        nn.functional.adaptive_avg_pool2d(masks, [like.shape[2], like.shape[3]]);

    private static void RequireSize(Image mask, Image first, int factor, string name)
    {
        if (mask.Width % factor != 0 || mask.Height % factor != 0)
        {
            throw new RecipesException(
                name,
                $"the mask is {mask.Width} × {mask.Height} px, not of whole latent pixels of {factor} × {factor}",
                $"Give it the picture's size in training, a multiple of {factor}.");
        }

        if (mask.Width != first.Width || mask.Height != first.Height)
        {
            throw new RecipesException(
                name,
                $"the mask is {mask.Width} × {mask.Height} px, the first one {first.Width} × {first.Height}",
                "Give masks of one batch the same size.");
        }
    }
}
