using static TorchSharp.torch;

namespace Recipes.Core.Adapters.Merging;

/// <summary>
/// How much adapters that are added up act on each other's inputs (Po et al., "Orthogonal Adaptation for Modular
/// Customization of Diffusion Models", section 4): ‖Aᵢ Aⱼᵀ‖ of orthonormal rows that span what each one's A reads, over the
/// most that it could be. 1 for the same inputs, 0 for inputs at right angles.
/// </summary>
public static class Crosstalk
{
    /// <summary>Between two sets: the mean over the layers that both change; 0 where there are none.</summary>
    public static double Between(LoraSet first, LoraSet second)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var others = second.Adapters.ToDictionary(adapter => adapter.Name);
        var norms = first.Adapters
            .Where(adapter => others.ContainsKey(adapter.Name))
            .Select(adapter => Between(adapter.Down, others[adapter.Name].Down))
            .ToList();
        return norms.Count == 0 ? 0 : norms.Average();
    }

    /// <summary>
    /// Between two halves that were drawn by themselves, before any training: √(the larger rank / inputs) is the root
    /// mean square over draws.
    /// </summary>
    /// <param name="ranks">The larger of both ranks.</param>
    /// <param name="inputs">Inputs of the layer; of a convolution those of its whole kernel.</param>
    public static double Expected(long ranks, long inputs) => Math.Sqrt(Math.Min(1.0, (double)ranks / inputs));

    private static double Between(Tensor first, Tensor second)
    {
        using var scope = NewDisposeScope();
        var (one, two) = (Rows(first), Rows(second));
        var most = Math.Sqrt(Math.Min(one.shape[1], two.shape[1]));
        return one.t().matmul(two).norm().item<double>() / most;

        static Tensor Rows(Tensor half) => linalg.qr(half.flatten(1).to(ScalarType.Float64, CPU).t()).Q;
    }
}
