using static TorchSharp.torch;

namespace Recipes.Core.Adapters.Merging;

/// <summary>
/// Merges of one linear map that was tuned several times, solved in float64. Maps are [out, in]; inputs are rows,
/// [count, in].
/// </summary>
public static class LinearMerge
{
    /// <summary>Share of the mean square of the inputs that keeps directions which no input has from exploding.</summary>
    private const double Ridge = 1e-6;

    /// <summary>
    /// Kumari et al., "Multi-Concept Customization of Text-to-Image Diffusion", equations 4 and 5: the map nearest to
    /// the base on ordinary inputs, ‖WCᵀ − W₀Cᵀ‖, that answers the targets as they were tuned to be, W K*ᵀ = V*ᵀ. With
    /// C = KᵀK of the ordinary inputs and d = K* C⁻¹ it is W₀ + (V*ᵀ − W₀K*ᵀ)(d K*ᵀ)⁻¹ d.
    /// </summary>
    /// <param name="weight">W₀, [out, in].</param>
    /// <param name="ordinary">K, [n, in]: inputs on which the base shall stay as it is.</param>
    /// <param name="targets">K*, [s, in]; rows that depend on others are met as nearly as can be.</param>
    /// <param name="wanted">V*, [s, out].</param>
    /// <returns>[out, in] in float64.</returns>
    public static Tensor Constrained(Tensor weight, Tensor ordinary, Tensor targets, Tensor wanted)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (w, k, v) = (Wide(weight), Wide(targets), Wide(wanted));
        var root = linalg.cholesky(Gram(Wide(ordinary)));
        // With C = LLᵀ and M = K* L⁻ᵀ, d K*ᵀ is MMᵀ and d is M L⁻¹; the pseudo-inverse of M allows for dependent rows.
        var inverse = linalg.inv(root);
        var reduced = k.matmul(inverse.t());
        var rest = v.t() - w.matmul(k.t());
        return (w + rest.matmul(linalg.pinv(reduced, 1e-9).t()).matmul(inverse)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Gu et al., "Mix-of-Show", equation 5 (gradient fusion), for a linear map in closed form: the one that answers
    /// each part's inputs as nearly as that part does, Σ wᵢ ‖(W − Wᵢ) Xᵢᵀ‖², and ordinary inputs as the base.
    /// </summary>
    /// <param name="weight">W₀, [out, in].</param>
    /// <param name="ordinary">[n, in].</param>
    /// <param name="parts">For each part its map Wᵢ, its inputs Xᵢ and how much they count.</param>
    /// <returns>[out, in] in float64.</returns>
    public static Tensor LeastSquares(
        Tensor weight, Tensor ordinary, IReadOnlyList<(Tensor Weight, Tensor Inputs, double Importance)> parts)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var w = Wide(weight);
        var gram = Gram(Wide(ordinary));
        var moved = zeros_like(w);
        foreach (var (tuned, inputs, importance) in parts)
        {
            var x = Wide(inputs);
            var own = x.t().matmul(x).mul(importance);
            gram += own;
            moved += (Wide(tuned) - w).matmul(own);
        }

        return (w + linalg.solve(gram, moved.t()).t()).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>KᵀK with its ridge: symmetric and positive.</summary>
    private static Tensor Gram(Tensor rows)
    {
        var gram = rows.t().matmul(rows);
        var width = rows.shape[1];
        return gram + eye(width, dtype: ScalarType.Float64) * (gram.trace() / width * Ridge);
    }

    private static Tensor Wide(Tensor tensor) => tensor.detach().to(ScalarType.Float64, CPU);
}
