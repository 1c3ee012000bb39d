using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Training.Subjects;

/// <summary>
/// Keeps each subject's tokens out of the places of the others: the mean square of their attention probabilities
/// outside the subject's mask, in a collage its half (Han et al., "SVDiff", section 3.3, the unmix regularisation).
/// </summary>
public sealed record UnmixLoss : IAuxiliaryLoss
{
    /// <inheritdoc/>
    public double Weight { get; init; } = 1;

    /// <inheritdoc/>
    public IReadOnlyList<int> Factors { get; init; } = [4];

    /// <inheritdoc/>
    public void Check() => AttentionLoss.Check(this, nameof(UnmixLoss));

    /// <inheritdoc/>
    public Tensor Compute(IReadOnlyList<AttentionMap> maps, DenoisingBatch batch) =>
        AttentionLoss.Mean(maps, batch, (map, mask) => map.mul(1 - mask).square());
}
