namespace Recipes.Core.Costs;

/// <summary>
/// Floating-point operations of a network's matrix products, convolutions and attentions, an addition and a
/// multiplication counted as two. Norms, activations and sums, which take far fewer, are left out.
/// </summary>
/// <param name="layers">Of a UNet, a ControlNet or one half of an autoencoder.</param>
/// <param name="height">Of its finest level.</param>
/// <param name="width">Of its finest level.</param>
/// <param name="tokens">Of the text.</param>
public sealed class NetworkFlops(IReadOnlyList<PlacedLayer> layers, long height, long width, long tokens)
{
    private readonly HashSet<string> read =
    [
        .. layers.Where(placed => placed.Rows == Rows.Tokens).Select(placed => AttentionOf(placed)),
    ];

    /// <summary>Of a forward pass over one picture.</summary>
    /// <param name="keptTexts">Whether the text's keys and values were computed before.</param>
    public double Forward(bool keptTexts = false) =>
        layers.Where(placed => !keptTexts || placed.Rows != Rows.Tokens).Sum(Own) + layers.Sum(Attention);

    /// <summary>Of the text's keys and values alone.</summary>
    public double Texts() => layers.Where(placed => placed.Rows == Rows.Tokens).Sum(Own);

    /// <summary>
    /// Of a pass forward and backward over one picture. A layer takes as much again for the gradient of its input, where
    /// something trained lies before it, and as much for that of its own weight, where that is trained. Work that is done
    /// twice to save memory counts once.
    /// </summary>
    /// <param name="trained">
    /// The layers that are trained, by name, with the rank of an adapter on them; 0 for their own weights.
    /// </param>
    public double Training(IReadOnlyDictionary<string, int> trained)
    {
        var first = layers.Where(placed => trained.ContainsKey(placed.Layer.Name))
            .Select(placed => placed.Order)
            .DefaultIfEmpty(int.MaxValue)
            .Min();
        return layers.Sum(placed => Training(placed, trained, first));
    }

    private double Training(PlacedLayer placed, IReadOnlyDictionary<string, int> trained, int first)
    {
        // What a text or a time brings does not depend on what is trained, but through the time's own embedding.
        var led = placed.Order > first && placed.Rows == Rows.Pixels;
        var own = Own(placed);
        var total = own + (led ? own : 0) + (Attention(placed) * (placed.Order >= first ? 3 : 1));
        if (!trained.TryGetValue(placed.Layer.Name, out var rank))
        {
            return total;
        }

        if (rank == 0)
        {
            return total + own;
        }

        var (layer, rows) = (placed.Layer, placed.Count(height, width, tokens));
        var down = 2.0 * rows * rank * layer.In * layer.Kernel * layer.Kernel;
        var up = 2.0 * rows * rank * layer.Out;
        return total + down + up + up + (led ? down : 0) + down + up;
    }

    private double Own(PlacedLayer placed)
    {
        var layer = placed.Layer;
        return 2.0 * placed.Count(height, width, tokens) * layer.In * layer.Out * layer.Kernel * layer.Kernel;
    }

    /// <summary>Scores and their sums of values, told by the layer that makes the queries.</summary>
    private double Attention(PlacedLayer placed)
    {
        if (!placed.Layer.Name.EndsWith(".to_q", StringComparison.Ordinal))
        {
            return 0;
        }

        var rows = placed.Count(height, width, tokens);
        return 4.0 * rows * (read.Contains(AttentionOf(placed)) ? tokens : rows) * placed.Layer.Out;
    }

    private static string AttentionOf(PlacedLayer placed) =>
        placed.Layer.Name[..Math.Max(0, placed.Layer.Name.LastIndexOf('.'))];
}
