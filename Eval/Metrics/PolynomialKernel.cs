using static TorchSharp.torch;

namespace Recipes.Eval.Metrics;

/// <summary>The kernel (gamma x.y + constant)^degree.</summary>
internal sealed class PolynomialKernel(KernelDistanceOptions options, int width)
{
    /// <summary>Float64 [left rows, right rows].</summary>
    public Tensor Of(Tensor left, Tensor right)
    {
        using var products = left.matmul(right.t());
        return products.mul(options.Gamma ?? 1.0 / width).add(options.Constant).pow(options.Degree);
    }
}
