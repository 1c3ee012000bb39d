using Recipes.Core.Kernels;
using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>How far the random numbers that a CUDA device draws are from those that the host draws by the same key.</summary>
/// <param name="Normal">The greatest difference of standard normal numbers.</param>
/// <param name="Whole">How many whole numbers differ.</param>
public sealed record RandomComparison(double Normal, long Whole)
{
    /// <summary>The greatest difference allowed: the last bits of logarithm, sine and cosine, times 6.</summary>
    public const double Most = 4e-6;

    private const long Count = 1_000_003;

    /// <summary>Whether trainings see the same noise and times on both.</summary>
    public bool Agrees => Normal <= Most && Whole == 0;

    /// <summary>Compares a million of each; null where there is nothing to compare.</summary>
    public static RandomComparison? Run()
    {
        if (!Fused.Available || !CudaGraph.Available)
        {
            return null;
        }

        using var scope = NewDisposeScope();
        var here = tensor(new[] { 0x5EED_0123_4567_89ABL });
        var there = here.cuda();
        var normal = RandomNumbers.Normal(there, 1, [Count]).cpu() - RandomNumbers.Normal(here, 1, [Count]);
        var whole = RandomNumbers.Between(there, 2, 0, 1000, Count).cpu();
        return new RandomComparison(
            normal.abs().max().item<float>(),
            whole.ne(RandomNumbers.Between(here, 2, 0, 1000, Count)).sum().item<long>());
    }
}
