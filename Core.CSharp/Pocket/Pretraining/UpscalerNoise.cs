using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket.Pretraining;

/// <summary>The two noises of an upscaler's training.</summary>
/// <param name="Latents">Of the latents, and what the network predicts.</param>
/// <param name="Small">Of the small pictures.</param>
/// <param name="HighestLevel">The highest timestep of <paramref name="Small"/> that is drawn.</param>
public sealed record UpscalerNoise(NoiseSchedule Latents, NoiseSchedule Small, int HighestLevel)
{
    /// <summary>
    /// Levels from 0 to the highest, int64 [count]: squares of uniform draws, so that half of them lie in the lowest
    /// quarter. Pictures to enlarge are mostly clean, and a small network has to choose what it is good at.
    /// </summary>
    public Tensor DrawLevels(int count, Device device)
    {
        using var scope = NewDisposeScope();
        return rand(count, device: device).square().mul(HighestLevel + 1)
            .to(ScalarType.Int64)
            .clamp_max(HighestLevel)
            .MoveToOuterDisposeScope();
    }
}
