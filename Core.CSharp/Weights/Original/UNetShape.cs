using Recipes.Core.Networks;

namespace Recipes.Core.Weights.Original;

/// <summary>
/// The config of a UNet from its keys and shapes. They do not tell the heads nor the groups of the norms: the public
/// models' rules stand in, and for narrower networks the nearest that divides the widths.
/// </summary>
internal static class UNetShape
{
    private const long Groups = 32;
    private const long HeadSize = 64;
    private const long Heads = 8;

    /// <summary>The config; <see cref="UNetConfig.SampleSize"/> is left as it is by default.</summary>
    /// <param name="header">The checkpoint.</param>
    /// <param name="pooled">Width of the pooled text that SDXL adds to the timestep's embedding; else null.</param>
    public static UNetConfig Read(CheckpointHeader header, long? pooled)
    {
        const string Prefix = UNetKeys.Prefix;
        var levels = Levels(header);
        var middle = $"{Prefix}middle_block.1.";
        var cross = header.Shape(2, $"{middle}transformer_blocks.0.attn2.to_k.weight")[1];
        var linear = header.Shape(2, $"{middle}proj_in.weight").Length == 2;
        long[] widths = [.. levels.Select(blocks => Width(header, blocks[0]))];
        long? labels = header.Has($"{Prefix}label_emb.weight") ? header.Shape(2, $"{Prefix}label_emb.weight")[0] : null;
        long? added = header.Any($"{Prefix}label_emb.0.") ? header.Shape(2, $"{Prefix}label_emb.0.0.weight")[1] : null;
        return new UNetConfig
        {
            Where = header.Path,
            InChannels = header.Shape(4, $"{Prefix}input_blocks.0.0.weight")[1],
            OutChannels = header.Shape(4, $"{Prefix}out.2.weight")[0],
            BlockOutChannels = widths,
            LayersPerBlock = levels[0].Count,
            DownBlockTypes =
                [.. levels.Select(blocks => Attends(header, blocks) ? UNetConfig.CrossDown : UNetConfig.PlainDown)],
            UpBlockTypes =
            [
                .. levels.Select((_, index) => index * (levels[0].Count + 1)).Select(block =>
                    header.Any($"{Prefix}output_blocks.{block}.1.norm.") ? UNetConfig.CrossUp : UNetConfig.PlainUp),
            ],
            CrossAttentionDim = cross,
            TransformerLayersPerBlock =
                [.. levels.Select((blocks, level) => Depth(header, blocks, level == levels.Count - 1 ? middle : null))],
            OnlyCrossAttention =
            [
                .. levels.Select((blocks, level) => Attends(header, blocks)
                    && OnlyCross(header, $"{Prefix}input_blocks.{blocks[0]}.1.", widths[level], cross)),
            ],
            MidBlockOnlyCrossAttention = OnlyCross(header, middle, widths[^1], cross),
            UseLinearProjection = linear,
            // The x4 upscaler, which knows noise levels, counts heads as the first models do.
            AttentionHeads = linear && labels is null ? OfOneSize(widths) : [Divisor(Heads, widths)],
            // Stable Diffusion 2's attention overflows in half precision; SDXL's does not.
            UpcastAttention = linear && labels is null && added is null,
            NormNumGroups = Divisor(Groups, widths),
            NumClassEmbeds = labels,
            ProjectionClassEmbeddingsInputDim = added,
            // Six numbers are embedded beside the pooled text: the sizes of the picture, its crop and its target.
            AdditionTimeEmbedDim = added is null ? null : (added - (pooled ?? 0)) / 6,
        };
    }

    /// <summary>The largest common divisor of a number, of the public models, and all widths.</summary>
    public static long Divisor(long usual, IEnumerable<long> widths) =>
        widths.Aggregate(usual, (a, b) =>
        {
            while (b != 0)
            {
                (a, b) = (b, a % b);
            }

            return a;
        });

    /// <summary>The input blocks of each level that hold resnets.</summary>
    private static List<List<int>> Levels(CheckpointHeader header)
    {
        var levels = new List<List<int>> { new() };
        var count = header.Count($"{UNetKeys.Prefix}input_blocks.");
        for (var block = 1; block < count; block++)
        {
            if (header.Any($"{UNetKeys.Prefix}input_blocks.{block}.0.op."))
            {
                levels.Add([]);
            }
            else
            {
                levels[^1].Add(block);
            }
        }

        return levels.TrueForAll(blocks => blocks.Count > 0)
            ? levels
            : throw new RecipesException(
                header.Path,
                $"of its {count} input blocks, level {levels.FindIndex(blocks => blocks.Count == 0)} has no resnet",
                CheckpointHeader.Cure);
    }

    private static long Width(CheckpointHeader header, int block)
    {
        var resnet = $"{UNetKeys.Prefix}input_blocks.{block}.0";
        return header.Shape(1, $"{resnet}.out_layers.3.weight", $"{resnet}.in_layers.2.weight")[0];
    }

    private static bool Attends(CheckpointHeader header, List<int> blocks) =>
        header.Any($"{UNetKeys.Prefix}input_blocks.{blocks[0]}.1.norm.");

    /// <summary>Transformer layers of a level; the coarsest may have its only ones in the middle block.</summary>
    private static long Depth(CheckpointHeader header, List<int> blocks, string? middle) => Math.Max(
        1,
        Attends(header, blocks)
            ? header.Count($"{UNetKeys.Prefix}input_blocks.{blocks[0]}.1.transformer_blocks.")
            : middle is null ? 1 : header.Count($"{middle}transformer_blocks."));

    /// <summary>Whether the first attention, too, looks at the text; where both are as wide, it does not.</summary>
    private static bool OnlyCross(CheckpointHeader header, string attention, long width, long cross) =>
        width != cross && header.Shape(2, $"{attention}transformer_blocks.0.attn1.to_k.weight")[1] == cross;

    private static long[] OfOneSize(long[] widths)
    {
        var size = Divisor(HeadSize, widths);
        return [.. widths.Select(width => width / size)];
    }
}
