using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>The further terms of a pass, and the recorder that its network is given for them.</summary>
internal static class AuxiliaryLosses
{
    /// <summary>What to record a batch's attention with; null where no term looks at it.</summary>
    /// <exception cref="RecipesException">The batch does not say which tokens name its subjects.</exception>
    public static AttentionRecorder? Recorder(IReadOnlyList<IAuxiliaryLoss> losses, DenoisingBatch batch)
    {
        int[] factors = [.. losses.SelectMany(loss => loss.Factors).Distinct()];
        return factors.Length == 0 ? null : new AttentionRecorder(
            batch.SubjectTokens ?? throw new RecipesException(
                "Attention losses",
                "a batch does not say which tokens name its subjects",
                "Give each caption the positions of its subjects' tokens."),
            factors);
    }

    /// <summary>The weighted sum of all terms, a scalar; null where there are none.</summary>
    public static Tensor? Sum(
        IReadOnlyList<IAuxiliaryLoss> losses, AttentionRecorder? recorder, DenoisingBatch batch)
    {
        if (losses.Count == 0)
        {
            return null;
        }

        var maps = recorder?.Maps ?? [];
        return losses
            .Select(loss => loss
                .Compute([.. maps.Where(map => loss.Factors.Contains(map.Factor))], batch)
                .mul(loss.Weight))
            .Aggregate((sum, term) => sum + term);
    }
}
