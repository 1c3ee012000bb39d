using Recipes.Core.Networks;

namespace Recipes.Core.Weights.Original;

/// <summary>
/// The keys of a UNet: numbered input, middle and output blocks there, levels with resnets, attentions and samplers
/// here. Both number the same modules in the order of the computation.
/// </summary>
internal static class UNetKeys
{
    /// <summary>What stands before the UNet's keys in a checkpoint.</summary>
    public const string Prefix = "model.diffusion_model.";

    private static readonly (string, string)[] Resnet =
    [
        ("norm1", "in_layers.0"),
        ("conv1", "in_layers.2"),
        ("time_emb_proj", "emb_layers.1"),
        ("norm2", "out_layers.0"),
        ("conv2", "out_layers.3"),
    ];

    /// <summary>Every key of the network with this shape.</summary>
    public static IReadOnlyList<KeyRow> Of(UNetConfig config)
    {
        var table = new KeyTable(Prefix);
        AddEnds(table, config);
        AddDown(table, config);
        AddMiddle(table, config);
        AddUp(table, config);
        return table.Rows;
    }

    private static void AddEnds(KeyTable table, UNetConfig config)
    {
        table.Both("conv_in", "input_blocks.0.0");
        table.Both("time_embedding.linear_1", "time_embed.0");
        table.Both("time_embedding.linear_2", "time_embed.2");
        if (config.NumClassEmbeds is not null)
        {
            table.Weight("class_embedding", "label_emb");
        }

        if (config.ProjectionClassEmbeddingsInputDim is not null)
        {
            table.Both("add_embedding.linear_1", "label_emb.0.0");
            table.Both("add_embedding.linear_2", "label_emb.0.2");
        }

        table.Both("conv_norm_out", "out.0");
        table.Both("conv_out", "out.2");
    }

    private static void AddDown(KeyTable table, UNetConfig config)
    {
        var widths = config.BlockOutChannels;
        var block = 1;
        for (var level = 0; level < widths.Count; level++)
        {
            var input = widths[Math.Max(0, level - 1)];
            for (var layer = 0; layer < config.LayersPerBlock; layer++, block++)
            {
                var changes = layer == 0 && input != widths[level];
                AddResnet(table, $"down_blocks.{level}.resnets.{layer}", $"input_blocks.{block}.0", changes);
                if (config.DownBlockTypes[level] == UNetConfig.CrossDown)
                {
                    AddAttention(
                        table,
                        $"down_blocks.{level}.attentions.{layer}",
                        $"input_blocks.{block}.1",
                        config.Levels(config.TransformerLayersPerBlock)[level]);
                }
            }

            if (level < widths.Count - 1)
            {
                table.Both($"down_blocks.{level}.downsamplers.0.conv", $"input_blocks.{block++}.0.op");
            }
        }
    }

    private static void AddMiddle(KeyTable table, UNetConfig config)
    {
        AddResnet(table, "mid_block.resnets.0", "middle_block.0", changesWidth: false);
        AddAttention(
            table, "mid_block.attentions.0", "middle_block.1", config.Levels(config.TransformerLayersPerBlock)[^1]);
        AddResnet(table, "mid_block.resnets.1", "middle_block.2", changesWidth: false);
    }

    private static void AddUp(KeyTable table, UNetConfig config)
    {
        var levels = config.BlockOutChannels.Count;
        var block = 0;
        for (var index = 0; index < levels; index++)
        {
            var level = levels - 1 - index;
            var attends = config.UpBlockTypes[index] == UNetConfig.CrossUp;
            for (var layer = 0; layer <= config.LayersPerBlock; layer++, block++)
            {
                // Each also takes an output of the way down, so the width always changes.
                AddResnet(table, $"up_blocks.{index}.resnets.{layer}", $"output_blocks.{block}.0", changesWidth: true);
                if (attends)
                {
                    AddAttention(
                        table,
                        $"up_blocks.{index}.attentions.{layer}",
                        $"output_blocks.{block}.1",
                        config.Levels(config.TransformerLayersPerBlock)[level]);
                }
            }

            if (level > 0)
            {
                // It is the last module of the level's last block.
                var place = attends ? 2 : 1;
                table.Both($"up_blocks.{index}.upsamplers.0.conv", $"output_blocks.{block - 1}.{place}.conv");
            }
        }
    }

    private static void AddResnet(KeyTable table, string diffusers, string original, bool changesWidth)
    {
        table.Both(diffusers, original, Resnet);
        if (changesWidth)
        {
            table.Both($"{diffusers}.conv_shortcut", $"{original}.skip_connection");
        }
    }

    /// <summary>A spatial transformer, whose inner names are the same in both layouts.</summary>
    private static void AddAttention(KeyTable table, string diffusers, string original, long depth)
    {
        void Both(string name) => table.Both($"{diffusers}.{name}", $"{original}.{name}");
        Both("norm");
        Both("proj_in");
        for (var layer = 0; layer < depth; layer++)
        {
            var block = $"transformer_blocks.{layer}";
            foreach (var attention in new[] { $"{block}.attn1", $"{block}.attn2" })
            {
                foreach (var map in new[] { "to_q", "to_k", "to_v" })
                {
                    table.Weight($"{diffusers}.{attention}.{map}", $"{original}.{attention}.{map}");
                }

                Both($"{attention}.to_out.0");
            }

            Both($"{block}.ff.net.0.proj");
            Both($"{block}.ff.net.2");
            Both($"{block}.norm1");
            Both($"{block}.norm2");
            Both($"{block}.norm3");
        }

        Both("proj_out");
    }
}
