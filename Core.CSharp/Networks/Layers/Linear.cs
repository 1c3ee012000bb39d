using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>
/// y = x Wᵀ + b, x [.., in] to y [.., out], with room for adapters. The weights are allocated, not initialised:
/// they are loaded, or filled by <see cref="Initialisation"/>.
/// </summary>
public sealed class Linear : nn.Module<Tensor, Tensor>, IAdaptable
{
    private readonly Parameter weight;
    private readonly Parameter? bias;
    private readonly List<IAdapter> adapters = [];

    /// <param name="inFeatures">Width of the input.</param>
    /// <param name="outFeatures">Width of the output.</param>
    /// <param name="hasBias">Whether b is there.</param>
    /// <param name="device">Where the weights lie; the CPU by default, meta for shapes alone.</param>
    /// <param name="dtype">Float32 by default.</param>
    public Linear(long inFeatures, long outFeatures, bool hasBias = true, Device? device = null, ScalarType? dtype = null)
        : base(nameof(Linear))
    {
        weight = new Parameter(empty(outFeatures, inFeatures, device: device, dtype: dtype));
        if (hasBias)
        {
            bias = new Parameter(empty(outFeatures, device: device, dtype: dtype));
        }

        RegisterComponents();
    }

    /// <inheritdoc/>
    public Tensor Weight => weight;

    /// <inheritdoc/>
    public Tensor? Bias => bias;

    /// <inheritdoc/>
    public IList<IAdapter> Adapters => adapters;

    /// <inheritdoc/>
    public Tensor Map(Tensor input, Tensor weight) => nn.functional.linear(input, weight);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) =>
        Fuse(input, bias) ?? Adapt(input, nn.functional.linear(input, weight, bias));

    /// <summary>The output without b, for a caller that adds it together with more.</summary>
    public Tensor Unbiased(Tensor input)
    {
        if (Fuse(input, null) is { } fused)
        {
            return fused;
        }

        if (adapters.Count == 0 || bias is null)
        {
            return Adapt(input, nn.functional.linear(input, weight));
        }

        // Some adapters look at the whole output.
        using var whole = forward(input);
        return whole.sub(bias);
    }

    /// <summary>The output where the one adapter there is computes it together with the map.</summary>
    private Tensor? Fuse(Tensor input, Tensor? added) =>
        adapters is [IFusedAdapter adapter] ? adapter.Compute(this, input, added) : null;

    private Tensor Adapt(Tensor input, Tensor own)
    {
        var output = own;
        foreach (var adapter in adapters)
        {
            output = adapter.Apply(this, input, own, output);
        }

        return output;
    }
}
