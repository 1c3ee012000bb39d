using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>What an adapter adds to a linear map of x: factor · (x Aᵀ) Bᵀ.</summary>
/// <param name="Down">A, [rank, in].</param>
/// <param name="Up">B, [out, rank].</param>
/// <param name="Factor">Of the whole.</param>
/// <param name="Drop">Leaves out some of x, the same whenever it is asked; null for nothing.</param>
internal sealed record LowRank(Parameter Down, Parameter Up, double Factor, Func<Tensor, Tensor>? Drop)
{
    /// <summary>Width of the bottleneck.</summary>
    public long Rank => Down.shape[0];
}

/// <summary>An adapter that may come down to a product of two thin matrices.</summary>
internal interface ILowRank
{
    /// <summary>The product; null where the adapter is more or, at scale 0, nothing.</summary>
    LowRank? Part { get; }
}
