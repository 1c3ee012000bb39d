using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>A table of vectors, [count, width], looked up by whole numbers of any shape.</summary>
public sealed class Embedding : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private IReadOnlyList<Tensor> added = [];
    private long firstAdded;

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

    /// <summary>
    /// Puts further rows behind the table's own, without touching those: numbers from <paramref name="first"/> on
    /// look them up. They are not part of the state, and may be trained.
    /// </summary>
    /// <param name="rows">Tensors of [n, width], in order; none to take all away. Not owned.</param>
    /// <param name="first">The number of the first one.</param>
    public void Extend(IReadOnlyList<Tensor> rows, long first) => (added, firstAdded) = (rows, first);

    /// <summary>The numbers with those of added rows set to 0.</summary>
    public Tensor WithoutAdded(Tensor numbers) =>
        added.Count == 0 ? numbers : numbers * numbers.lt(firstAdded).to_type(numbers.dtype);

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (added.Count > 0)
        {
            return WithAdded(input);
        }

        using var flat = input.reshape(-1);
        using var rows = weight.index_select(0, flat);
        return rows.reshape([.. input.shape, weight.shape[1]]);
    }

    /// <summary>Looks up both tables and takes from each what is its own, so that gradients reach the added rows.</summary>
    private Tensor WithAdded(Tensor input)
    {
        using var scope = NewDisposeScope();
        var flat = input.reshape(-1);
        var table = (added.Count == 1 ? added[0] : cat([.. added], 0)).to(weight.dtype);
        var own = weight.index_select(0, flat.clamp_max(weight.shape[0] - 1));
        var others = table.index_select(0, (flat - firstAdded).clamp(0, table.shape[0] - 1));
        return where(flat.ge(firstAdded).unsqueeze(1), others, own)
            .reshape([.. input.shape, weight.shape[1]])
            .MoveToOuterDisposeScope();
    }
}
