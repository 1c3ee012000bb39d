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
    public override Tensor forward(Tensor input)
    {
        var own = nn.functional.linear(input, weight, bias);
        var output = own;
        foreach (var adapter in adapters)
        {
            output = adapter.Apply(this, input, own, output);
        }

        return output;
    }
}
