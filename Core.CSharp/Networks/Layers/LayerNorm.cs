using Recipes.Core.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>Layer normalisation over the last dimension, with a scale and shift for each channel.</summary>
public sealed class LayerNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;
    private readonly long[] shape;
    private readonly double eps;

    /// <param name="width">Size of the last dimension.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="device">Where the weights lie.</param>
    /// <param name="dtype">Float32 by default.</param>
    public LayerNorm(long width, double eps = 1e-5, Device? device = null, ScalarType? dtype = null)
        : base(nameof(LayerNorm))
    {
        shape = [width];
        this.eps = eps;
        weight = new Parameter(ones(width, device: device, dtype: dtype));
        bias = new Parameter(zeros(width, device: device, dtype: dtype));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => LayerNormKernel.Takes(input, shape[0])
        ? LayerNormKernel.Apply(input, weight, bias, eps)
        : nn.functional.layer_norm(input, shape, weight, bias, eps);

    /// <summary>The sum of a state, what is added to it and a bias [width] of that; and the sum's norm.</summary>
    /// <param name="input">[.., width].</param>
    /// <param name="delta">Like it, or null for none.</param>
    /// <param name="deltaBias">[width], or null for none.</param>
    public (Tensor Sum, Tensor Normed) AddForward(Tensor input, Tensor? delta, Tensor? deltaBias)
    {
        if ((delta ?? deltaBias) is not null && LayerNormKernel.Takes(input, shape[0]))
        {
            return LayerNormKernel.AddApply(input, delta, deltaBias, weight, bias, eps);
        }

        using var scope = NewDisposeScope();
        var sum = delta is null ? input.alias() : input.add(delta);
        sum = deltaBias is null ? sum : sum.add(deltaBias);
        return scope.MoveToOuter(sum, forward(sum));
    }
}
