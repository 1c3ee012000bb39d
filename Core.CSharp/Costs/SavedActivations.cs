namespace Recipes.Core.Costs;

/// <summary>
/// Numbers that a UNet's pass keeps for its gradients, counted from what each of its operations saves. Attention is the
/// kind that keeps no scores (Dao et al., "FlashAttention").
/// </summary>
/// <param name="layers">The UNet's.</param>
/// <param name="height">Of the latents.</param>
/// <param name="width">Of the latents.</param>
/// <param name="tokens">Of the text.</param>
/// <param name="fused">Whether this program's own kernels compute: they keep less.</param>
public sealed class SavedActivations(
    IReadOnlyList<PlacedLayer> layers, long height, long width, long tokens, bool fused)
{
    /// <summary>Numbers kept of one picture.</summary>
    /// <param name="trained">Names of the layers that are trained or carry an adapter.</param>
    /// <param name="recomputed">Whether resnets and transformers keep their inputs alone.</param>
    public long Count(IReadOnlySet<string> trained, bool recomputed) => Parts()
        .Sum(part => recomputed && part.Key is not null
            ? part.Sum(Input)
            : part.Sum(layer => Saved(layer, trained.Contains(layer.Layer.Name))));

    /// <summary>
    /// Numbers of the largest resnet or transformer: those it is recomputed to, and about as many as its gradients hold
    /// while they are computed.
    /// </summary>
    public long Largest(IReadOnlySet<string> trained) => Parts()
        .Where(part => part.Key is not null)
        .Select(part => part.Sum(layer => Saved(layer, trained.Contains(layer.Layer.Name))))
        .DefaultIfEmpty(0)
        .Max();

    /// <summary>
    /// Numbers of one picture in a pass without gradients: all that its largest part makes, and what the way down keeps
    /// for the way up.
    /// </summary>
    public long Passing()
    {
        var all = layers.Select(layer => layer.Layer.Name).ToHashSet();
        return Largest(all) + layers.Where(IsSkip).Sum(layer => Pixels(layer) * layer.Layer.Out);
    }

    /// <summary>The resnet or transformer that a layer belongs to; null for what lies between them.</summary>
    private static string? PartOf(string name)
    {
        var parts = name.Split('.');
        var at = Array.FindIndex(parts, part => part is "resnets" or "attentions");
        return at < 0 ? null : string.Join('.', parts[..(at + 2)]);
    }

    private IEnumerable<IGrouping<string?, PlacedLayer>> Parts() => layers.GroupBy(layer => PartOf(layer.Layer.Name));

    private long Pixels(PlacedLayer layer) => PlacedLayer.Pixels(height, width, layer.Level);

    /// <summary>Numbers of a part's input, told by the layer it enters through.</summary>
    private long Input(PlacedLayer layer) =>
        Ends(layer, "conv1") || Ends(layer, "proj_in") ? Pixels(layer) * layer.Layer.In : 0;

    /// <summary>Outputs of the way down: of resnets without attention, of attentions, of halvings.</summary>
    private bool IsSkip(PlacedLayer layer) =>
        layer.Layer.Name == "conv_in"
        || (layer.Layer.Name.StartsWith("down_blocks.", StringComparison.Ordinal)
            && (Ends(layer, "conv2") || layer.Layer.Name.Contains(".downsamplers.", StringComparison.Ordinal)));

    /// <summary>What is kept of a layer and of the operations around it.</summary>
    private long Saved(PlacedLayer layer, bool trained)
    {
        var (name, input, output) = (layer.Layer.Name, layer.Layer.In, layer.Layer.Out);
        var rows = layer.Count(height, width, tokens);

        // Plain SiLU keeps its input, the norm's output; our kernel computes it again.
        var silu = fused ? 0 : 1;
        var learned = trained ? input : 0;
        return layer.Rows == Rows.Once ? 0 : rows * name.Split('.')[^1] switch
        {
            // The convolution's input; the norm's is the output of the part before, or on the way up two joined.
            "conv1" => ((1 + silu) * input) + (name.StartsWith("up_blocks.", StringComparison.Ordinal) ? input : 0),

            // The second norm's input, the convolution's, and the part's output, which the next norm keeps.
            "conv2" => output + ((1 + silu) * input) + output,

            // The rows that the first block starts from; libtorch's convolutions keep their input whatever is trained.
            "proj_in" => fused ? learned : input,
            "proj_out" => output + (fused ? learned : input),

            // Each norm's input, each attention's queries, keys and values, and its answer.
            "to_q" => input + (2 * output) + learned,
            "to_k" or "to_v" => output,

            // The gated feed-forward: the norm's input, both halves, and the gate where it is not computed again.
            "proj" => input + output + (fused ? 0 : output / 2) + learned,
            "2" => learned,

            // Halvings give what the next norm keeps, doublings read what was doubled.
            "conv" => name.Contains("upsamplers", StringComparison.Ordinal) ? input : output,
            "conv_in" => output,
            "conv_out" => (1 + silu) * input,
            _ => 0,
        };
    }

    private static bool Ends(PlacedLayer layer, string part) =>
        layer.Layer.Name.EndsWith("." + part, StringComparison.Ordinal);
}
