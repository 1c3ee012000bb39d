using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>
/// A square two-dimensional convolution, [batch, in, height, width] to [batch, out, ..], with room for adapters.
/// The weights are allocated, not initialised: they are loaded, or filled by <see cref="Initialisation"/>.
/// </summary>
public sealed class Conv2d : nn.Module<Tensor, Tensor>, IAdaptable
{
    private readonly Parameter weight;
    private readonly Parameter? bias;
    private readonly long[] stride;
    private readonly long[] padding;
    private readonly List<IAdapter> adapters = [];

    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="outChannels">Channels of the output.</param>
    /// <param name="kernel">Height and width of the kernel.</param>
    /// <param name="stride">Step in both directions.</param>
    /// <param name="padding">Zeros on every side.</param>
    /// <param name="hasBias">Whether there is a bias.</param>
    /// <param name="device">Where the weights lie; the CPU by default, meta for shapes alone.</param>
    /// <param name="dtype">Float32 by default.</param>
    public Conv2d(
        long inChannels,
        long outChannels,
        long kernel,
        long stride = 1,
        long padding = 0,
        bool hasBias = true,
        Device? device = null,
        ScalarType? dtype = null)
        : base(nameof(Conv2d))
    {
        this.stride = [stride, stride];
        this.padding = [padding, padding];
        weight = new Parameter(empty(outChannels, inChannels, kernel, kernel, device: device, dtype: dtype));
        if (hasBias)
        {
            bias = new Parameter(empty(outChannels, device: device, dtype: dtype));
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
    public Tensor Map(Tensor input, Tensor weight) =>
        Convolution.Apply(input, weight, null, stride, padding);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        var own = Convolution.Apply(input, weight, bias, stride, padding);
        var output = own;
        foreach (var adapter in adapters)
        {
            output = adapter.Apply(this, input, own, output);
        }

        return output;
    }
}
