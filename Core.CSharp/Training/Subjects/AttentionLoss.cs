using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Training.Subjects;

/// <summary>What losses that compare attention maps with masks have in common.</summary>
internal static class AttentionLoss
{
    public static void Check(IAuxiliaryLoss loss, string name)
    {
        if (!(loss.Weight > 0) || !double.IsFinite(loss.Weight))
        {
            throw new RecipesException(
                $"{name}.Weight", $"the weight is {loss.Weight}", "Set a weight above 0, or leave the loss out.");
        }

        if (loss.Factors.Count == 0 || loss.Factors.Any(factor => factor < 1 || (factor & (factor - 1)) != 0))
        {
            throw new RecipesException(
                $"{name}.Factors",
                $"[{string.Join(", ", loss.Factors)}] names no resolutions of a UNet",
                "Name powers of two: 1 for the latents' own, 2 for half of it, 4, 8.");
        }
    }

    /// <summary>
    /// The mean over maps, and over the subjects that captions name, of each one's mean over pixels.
    /// </summary>
    /// <param name="maps">Attention maps.</param>
    /// <param name="batch">Tokens and masks of the subjects.</param>
    /// <param name="penalty">
    /// Map and mask, [batch, subjects, height, width] each, to a value for each pixel.
    /// </param>
    public static Tensor Mean(
        IReadOnlyList<AttentionMap> maps, DenoisingBatch batch, Func<Tensor, Tensor, Tensor> penalty)
    {
        var (tokens, masks) = (batch.SubjectTokens, batch.SubjectMasks);
        if (tokens is null || masks is null || !tokens.shape[..2].SequenceEqual(masks.shape[..2]))
        {
            throw new RecipesException(
                "Attention losses",
                $"a batch has tokens {Text(tokens)} and masks {Text(masks)} of its subjects",
                "Give each subject that a caption names its tokens' positions and its mask.");
        }

        using var scope = NewDisposeScope();
        var named = tokens.sum(2).gt(0).to(ScalarType.Float32);
        var count = named.sum().clamp_min(1);
        var terms = maps.Select(map =>
            (penalty(map.Values, SubjectMask.Shrink(masks.to(map.Values.dtype), map.Values)).mean([2, 3]) * named)
                .sum()
                .div(count));
        return terms.Aggregate((sum, term) => sum + term).div(maps.Count).MoveToOuterDisposeScope();
    }

    private static string Text(Tensor? tensor) =>
        tensor is null ? "of none" : $"[{string.Join(", ", tensor.shape)}]";
}
