using Recipes.Core.Networks;

namespace Recipes.Core.Weights.Original;

/// <summary>
/// The keys of an autoencoder. The decoder's levels are counted from the finest there and from the coarsest here;
/// attention's maps are 1x1 convolutions there.
/// </summary>
internal static class VaeKeys
{
    /// <summary>What may stand before the autoencoder's keys; files are written with the first.</summary>
    public static readonly IReadOnlyList<string> Prefixes = ["first_stage_model.", "vae."];

    private static readonly (string, string)[] Resnet =
        [("norm1", "norm1"), ("conv1", "conv1"), ("norm2", "norm2"), ("conv2", "conv2")];

    private static readonly (string, string)[] Attention =
        [("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")];

    /// <summary>Every key of the network with this shape.</summary>
    public static IReadOnlyList<KeyRow> Of(VaeConfig config, string prefix)
    {
        var table = new KeyTable(prefix);
        AddEncoder(table, config);
        AddDecoder(table, config);
        if (config.UseQuantConv)
        {
            table.Both("quant_conv", "quant_conv");
        }

        if (config.UsePostQuantConv)
        {
            table.Both("post_quant_conv", "post_quant_conv");
        }

        return table.Rows;
    }

    private static void AddEncoder(KeyTable table, VaeConfig config)
    {
        var widths = config.BlockOutChannels;
        table.Both("encoder.conv_in", "encoder.conv_in");
        for (var level = 0; level < widths.Count; level++)
        {
            for (var layer = 0; layer < config.LayersPerBlock; layer++)
            {
                AddResnet(
                    table,
                    $"encoder.down_blocks.{level}.resnets.{layer}",
                    $"encoder.down.{level}.block.{layer}",
                    layer == 0 && widths[Math.Max(0, level - 1)] != widths[level]);
            }

            if (level < widths.Count - 1)
            {
                table.Both(
                    $"encoder.down_blocks.{level}.downsamplers.0.conv", $"encoder.down.{level}.downsample.conv");
            }
        }

        AddEnd(table, config, "encoder");
    }

    private static void AddDecoder(KeyTable table, VaeConfig config)
    {
        var widths = config.BlockOutChannels;
        table.Both("decoder.conv_in", "decoder.conv_in");
        for (var index = 0; index < widths.Count; index++)
        {
            var level = widths.Count - 1 - index;
            for (var layer = 0; layer <= config.LayersPerBlock; layer++)
            {
                AddResnet(
                    table,
                    $"decoder.up_blocks.{index}.resnets.{layer}",
                    $"decoder.up.{level}.block.{layer}",
                    layer == 0 && widths[Math.Min(level + 1, widths.Count - 1)] != widths[level]);
            }

            if (level > 0)
            {
                table.Both($"decoder.up_blocks.{index}.upsamplers.0.conv", $"decoder.up.{level}.upsample.conv");
            }
        }

        AddEnd(table, config, "decoder");
    }

    /// <summary>What both halves have: the middle and the output.</summary>
    private static void AddEnd(KeyTable table, VaeConfig config, string half)
    {
        AddResnet(table, $"{half}.mid_block.resnets.0", $"{half}.mid.block_1", changesWidth: false);
        AddResnet(table, $"{half}.mid_block.resnets.1", $"{half}.mid.block_2", changesWidth: false);
        if (config.MidBlockAddAttention)
        {
            var (here, there) = ($"{half}.mid_block.attentions.0", $"{half}.mid.attn_1");
            table.Both($"{here}.group_norm", $"{there}.norm");
            foreach (var (diffusers, original) in Attention)
            {
                table.Both($"{here}.{diffusers}", $"{there}.{original}", Arrangement.Convolution);
            }
        }

        table.Both($"{half}.conv_norm_out", $"{half}.norm_out");
        table.Both($"{half}.conv_out", $"{half}.conv_out");
    }

    private static void AddResnet(KeyTable table, string diffusers, string original, bool changesWidth)
    {
        table.Both(diffusers, original, Resnet);
        if (changesWidth)
        {
            table.Both($"{diffusers}.conv_shortcut", $"{original}.nin_shortcut");
        }
    }
}
