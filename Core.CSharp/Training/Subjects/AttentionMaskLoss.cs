using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Training.Subjects;

/// <summary>
/// Draws each subject's tokens to its place: the mean squared difference of their attention map, divided by its largest
/// value, and the subject's mask at the map's resolution (Avrahami et al., "Break-A-Scene", section 3.3, and Gu et al.,
/// "Mix-of-Show"). The mean over maps, and over the subjects that the captions name.
/// </summary>
public sealed record AttentionMaskLoss : IAuxiliaryLoss
{
    /// <inheritdoc/>
    public double Weight { get; init; } = 0.01;

    /// <inheritdoc/>
    /// <remarks>A quarter by default: 16 × 16 of the 64 × 64 latents of a picture of 512 px.</remarks>
    public IReadOnlyList<int> Factors { get; init; } = [4];

    /// <inheritdoc/>
    public void Check() => AttentionLoss.Check(this, nameof(AttentionMaskLoss));

    /// <inheritdoc/>
    public Tensor Compute(IReadOnlyList<AttentionMap> maps, DenoisingBatch batch) =>
        AttentionLoss.Mean(maps, batch, (map, mask) =>
        {
            var largest = map.amax([2, 3], keepdim: true).clamp_min(1e-12);
            return (map / largest).sub(mask).square();
        });
}
