using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>A table of vectors, [count, width], looked up by whole numbers of any shape.</summary>
public sealed class Embedding : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;

    /// <param name="count">Rows of the table.</param>
    /// <param name="width">Size of each vector.</param>
    /// <param name="device">Where the weights lie.</param>
    /// <param name="dtype">Float32 by default.</param>
    public Embedding(long count, long width, Device? device = null, ScalarType? dtype = null)
        : base(nameof(Embedding))
    {
        weight = new Parameter(empty(count, width, device: device, dtype: dtype));
        RegisterComponents();
    }

    /// <summary>The table.</summary>
    public Tensor Weight => weight;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var flat = input.reshape(-1);
        using var rows = weight.index_select(0, flat);
        return rows.reshape([.. input.shape, weight.shape[1]]);
    }
}
