using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>
/// Adds scale × D(x) to a layer's output, where D is a map like the layer's own: the whole change of its weight, as it
/// comes out of files whose product is not that of two halves (LoHa, LoKr, full differences). It takes the memory of
/// the layer's weight, is not trained, and cannot be written back in the form it was read in.
/// </summary>
public sealed class DeltaAdapter : WeightAdapter
{
    private readonly Tensor delta;

    /// <param name="component">The network's name in a pipeline.</param>
    /// <param name="path">The layer's name in that network.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="kind">What the file calls it: LoHa, LoKr, full.</param>
    /// <param name="delta">The change at scale 1, shaped like the layer's weight; it becomes this object's own.</param>
    public DeltaAdapter(string component, string path, IAdaptable layer, string kind, Tensor delta)
        : base(component, path, layer)
    {
        Kind = kind;
        this.delta = delta.DetachFromDisposeScope();
    }

    /// <summary>What the file calls it: LoHa, LoKr, full.</summary>
    public string Kind { get; }

    /// <inheritdoc/>
    public override Tensor Apply(IAdaptable layer, Tensor input, Tensor own, Tensor output) =>
        Scale == 0 ? output : output.add(layer.Map(input, delta), Scale);

    /// <inheritdoc/>
    public override Tensor Delta()
    {
        using var wide = delta.to(ScalarType.Float32);
        return wide.mul(Scale);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        delta.Dispose();
    }
}
