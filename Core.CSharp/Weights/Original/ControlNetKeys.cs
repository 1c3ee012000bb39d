using Recipes.Core.Networks;

namespace Recipes.Core.Weights.Original;

/// <summary>
/// The keys of a ControlNet as its authors publish it: those of the UNet's way down, the hint encoder as one row of
/// numbered layers (every second one an activation without weights), and numbered zero convolutions.
/// </summary>
internal static class ControlNetKeys
{
    /// <summary>What stands before the keys in files that hold more than the ControlNet.</summary>
    public const string Prefix = "control_model.";

    /// <summary>The hint encoder's first layer, which tells such a file from others.</summary>
    public const string First = "input_hint_block.0.weight";

    private static readonly string[] Above = ["up_blocks.", "conv_norm_out.", "conv_out."];

    /// <summary>Every key of the network with this shape, without <see cref="Prefix"/>.</summary>
    public static IReadOnlyList<KeyRow> Of(ControlNetConfig config)
    {
        var table = new KeyTable("");
        foreach (var row in UNetKeys.Of(config.Encoder))
        {
            if (!Above.Any(part => row.Diffusers.StartsWith(part, StringComparison.Ordinal)))
            {
                table.Add(row.Diffusers, row.Original[UNetKeys.Prefix.Length..], row.How);
            }
        }

        var layers = 2 * (config.ConditioningEmbeddingOutChannels.Count - 1);
        table.Both("controlnet_cond_embedding.conv_in", "input_hint_block.0");
        for (var layer = 0; layer < layers; layer++)
        {
            table.Both($"controlnet_cond_embedding.blocks.{layer}", $"input_hint_block.{2 * (layer + 1)}");
        }

        table.Both("controlnet_cond_embedding.conv_out", $"input_hint_block.{2 * (layers + 1)}");
        for (var skip = 0; skip < ControlNetModel.SkipWidths(config.Encoder).Count(); skip++)
        {
            table.Both($"controlnet_down_blocks.{skip}", $"zero_convs.{skip}.0");
        }

        table.Both("controlnet_mid_block", "middle_block_out.0");
        return table.Rows;
    }
}
