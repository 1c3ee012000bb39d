using System.Globalization;
using Recipes.Core.Weights;

namespace Recipes.Core.Costs;

/// <summary>
/// Where the layers of a UNet, a ControlNet or one half of an autoencoder work, by their names in diffusers' layout: what
/// computing and memory can be counted from without building the network.
/// </summary>
public static class Placement
{
    private const int Middle = 1_000_000;
    private const int Block = 10_000;
    private const int Last = 100 * Middle;

    /// <summary>Halvings of a ControlNet's hint on its way to the size of latents.</summary>
    private const int HintHalvings = 3;

    /// <summary>The layers of one network in the order in which they run.</summary>
    /// <param name="layers">
    /// Linear maps and convolutions, of a network or of one half of an autoencoder (<c>encoder.</c>, <c>decoder.</c>).
    /// </param>
    public static IReadOnlyList<PlacedLayer> Of(IEnumerable<LayerInfo> layers)
    {
        var all = layers.ToList();
        var levels = 1 + all.Select(layer => BlockOf(Parts(layer.Name))).DefaultIfEmpty(0).Max();
        var resnets = 1 + all.Select(layer => Parts(layer.Name))
            .Where(parts => parts[0] == "down_blocks" && parts[2] == "resnets")
            .Select(parts => Number(parts, 3))
            .DefaultIfEmpty(0)
            .Max();
        var widths = all.Where(layer => layer.Name.EndsWith(".to_q", StringComparison.Ordinal))
            .ToDictionary(layer => layer.Name[..^".to_q".Length], layer => layer.In);
        return [.. all.Select(layer => Place(layer, levels, resnets, widths)).OrderBy(placed => placed.Order)];
    }

    private static PlacedLayer Place(
        LayerInfo layer, int levels, int resnets, Dictionary<string, long> widths)
    {
        var parts = Parts(layer.Name);
        var decodes = layer.Name.StartsWith("decoder.", StringComparison.Ordinal);
        var encodes = layer.Name.StartsWith("encoder.", StringComparison.Ordinal);
        var block = BlockOf(parts);
        var resizes = parts.Length > 2 && parts[2] is "downsamplers" or "upsamplers" ? 1 : 0;
        var (level, order) = parts[0] switch
        {
            "down_blocks" => (block + resizes, ((1 + block) * Block) + Within(parts, 2)),
            "mid_block" => (levels - 1, Middle + Within(parts, 1)),
            "up_blocks" => (levels - 1 - block - resizes, Middle + ((1 + block) * Block) + Within(parts, 2)),
            "conv_in" => (decodes ? levels - 1 : 0, 0),
            "conv_out" => (encodes ? levels - 1 : 0, Last),
            "quant_conv" or "post_quant_conv" => (levels - 1, 0),
            "controlnet_mid_block" => (levels - 1, Last),
            "controlnet_down_blocks" => (OutputLevel(Number(parts, 1), resnets, levels), Last),
            "controlnet_cond_embedding" => (HintLevel(parts), 0),
            _ => (0, 0),
        };
        return new PlacedLayer(layer, RowsOf(layer, parts, widths), level, order);
    }

    private static Rows RowsOf(LayerInfo layer, string[] parts, Dictionary<string, long> widths)
    {
        if (parts[0] is "time_embedding" or "add_embedding" || parts[^1] == "time_emb_proj")
        {
            return Rows.Once;
        }

        if (parts[^1] is not ("to_k" or "to_v"))
        {
            return Rows.Pixels;
        }

        // The first attention of some blocks looks at the text, too: it takes what is as wide as the text.
        var attention = layer.Name[..layer.Name.LastIndexOf('.')];
        return parts[^2] == "attn2" || widths.GetValueOrDefault(attention, layer.In) != layer.In
            ? Rows.Tokens
            : Rows.Pixels;
    }

    /// <summary>Resnets and attentions take turns; then the size changes.</summary>
    private static int Within(string[] parts, int at) => parts[at] switch
    {
        "resnets" => 2 * Number(parts, at + 1),
        "attentions" when parts.Length > 2 && parts[0] == "mid_block" => 1,
        "attentions" => (2 * Number(parts, at + 1)) + 1,
        _ => Block - 1,
    };

    /// <summary>
    /// The level of a ControlNet's output: the first convolution's, then for each level its resnets' and the halving's.
    /// </summary>
    private static int OutputLevel(int output, int resnets, int levels) =>
        Math.Min(output / (resnets + 1), levels - 1);

    private static int HintLevel(string[] parts) => parts[1] switch
    {
        "conv_in" => -HintHalvings,
        "blocks" => -HintHalvings + ((Number(parts, 2) + 1) / 2),
        _ => 0,
    };

    private static string[] Parts(string name)
    {
        var parts = name.Split('.');
        return parts[0] is "encoder" or "decoder" ? parts[1..] : parts;
    }

    private static int BlockOf(string[] parts) =>
        parts[0] is "down_blocks" or "up_blocks" ? Number(parts, 1) : 0;

    private static int Number(string[] parts, int at) =>
        int.Parse(parts[at], NumberStyles.None, CultureInfo.InvariantCulture);
}
