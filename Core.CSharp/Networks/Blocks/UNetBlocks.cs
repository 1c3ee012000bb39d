using Recipes.Core.Kernels;
using Recipes.Core.Networks.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Blocks;

/// <summary>One level of the way down: resnets, attentions where the level has them, then half the size.</summary>
internal sealed class UNetDownBlock : nn.Module
{
    private readonly ModuleList<ResnetBlock2D> resnets = [];
    private readonly ModuleList<Transformer2DModel>? attentions;
    private readonly ModuleList<Downsample2D>? downsamplers;

    /// <param name="parts">Builds the blocks of this network.</param>
    /// <param name="level">Counted from the finest.</param>
    public UNetDownBlock(UNetParts parts, int level)
        : base(nameof(UNetDownBlock))
    {
        var config = parts.Config;
        var width = config.BlockOutChannels[level];
        var input = config.BlockOutChannels[Math.Max(0, level - 1)];
        attentions = config.DownBlockTypes[level] == UNetConfig.CrossDown ? [] : null;
        for (var layer = 0; layer < config.LayersPerBlock; layer++)
        {
            resnets.Add(parts.Resnet(layer == 0 ? input : width, width));
            attentions?.Add(parts.Transformer(level, config.Levels(config.OnlyCrossAttention)[level]));
        }

        if (level < config.BlockOutChannels.Count - 1)
        {
            downsamplers = [new Downsample2D(width, symmetric: true, parts.Device, parts.DType)];
        }

        RegisterComponents();
    }

    /// <summary>
    /// Adds each layer's output to <paramref name="skips"/>; the last is also the input of the next level.
    /// </summary>
    public Tensor forward(Tensor hidden, Tensor time, TextContext context, List<Tensor> skips)
    {
        for (var layer = 0; layer < resnets.Count; layer++)
        {
            hidden = resnets[layer].Within(hidden, time, context);
            if (attentions is not null)
            {
                var attention = attentions[layer];
                hidden = hidden.Then(pixels => attention.Within(pixels, context));
            }

            skips.Add(hidden);
        }

        if (downsamplers is not null)
        {
            hidden = downsamplers[0].forward(hidden);
            skips.Add(hidden);
        }

        return hidden;
    }
}

/// <summary>The coarsest part: a resnet, an attention, a resnet.</summary>
internal sealed class UNetMidBlock : nn.Module
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<Transformer2DModel> attentions;

    public UNetMidBlock(UNetParts parts)
        : base(nameof(UNetMidBlock))
    {
        var level = parts.Config.BlockOutChannels.Count - 1;
        var width = parts.Config.BlockOutChannels[level];
        resnets = [parts.Resnet(width, width), parts.Resnet(width, width)];
        attentions = [parts.Transformer(level, parts.Config.MidBlockOnlyCrossAttention)];
        RegisterComponents();
    }

    public Tensor forward(Tensor input, Tensor time, TextContext context)
    {
        using var scope = NewDisposeScope();
        var hidden = attentions[0].Within(resnets[0].Within(input, time, context), context);
        return resnets[1].Within(hidden, time, context).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// One level of the way up: resnets that also see the way down's outputs, attentions, then twice the size.
/// </summary>
internal sealed class UNetUpBlock : nn.Module
{
    private readonly ModuleList<ResnetBlock2D> resnets = [];
    private readonly ModuleList<Transformer2DModel>? attentions;
    private readonly ModuleList<Upsample2D>? upsamplers;

    /// <param name="parts">Builds the blocks of this network.</param>
    /// <param name="index">Counted from the coarsest level.</param>
    public UNetUpBlock(UNetParts parts, int index)
        : base(nameof(UNetUpBlock))
    {
        var config = parts.Config;
        var widths = config.BlockOutChannels;
        var level = widths.Count - 1 - index;
        var width = widths[level];
        var below = widths[Math.Min(level + 1, widths.Count - 1)];
        var finer = widths[Math.Max(level - 1, 0)];
        attentions = config.UpBlockTypes[index] == UNetConfig.CrossUp ? [] : null;
        for (var layer = 0; layer <= config.LayersPerBlock; layer++)
        {
            var skip = layer == config.LayersPerBlock ? finer : width;
            resnets.Add(parts.Resnet((layer == 0 ? below : width) + skip, width));
            attentions?.Add(parts.Transformer(level, config.Levels(config.OnlyCrossAttention)[level]));
        }

        if (level > 0)
        {
            upsamplers = [new Upsample2D(width, parts.Device, parts.DType)];
        }

        RegisterComponents();
    }

    /// <summary>Takes the last outputs of the way down off <paramref name="skips"/>.</summary>
    public Tensor forward(Tensor input, Tensor time, TextContext context, List<Tensor> skips)
    {
        using var scope = NewDisposeScope();
        var hidden = input;
        for (var layer = 0; layer < resnets.Count; layer++)
        {
            using (var skip = skips[^1])
            using (var both = Join(hidden, skip))
            {
                skips.RemoveAt(skips.Count - 1);
                hidden.Dispose();
                hidden = resnets[layer].Within(both, time, context);
            }

            if (attentions is not null)
            {
                var attention = attentions[layer];
                hidden = hidden.Then(pixels => attention.Within(pixels, context));
            }
        }

        if (upsamplers is not null)
        {
            // The finer level's size, which is not always twice this one's.
            var size = skips[^1].shape;
            hidden = upsamplers[0].forward(hidden, size[2], size[3]);
        }

        return hidden.MoveToOuterDisposeScope();
    }

    private static Tensor Join(Tensor hidden, Tensor skip) =>
        Fused.Takes(hidden, hidden.shape[1]) && Fused.Takes(skip, skip.shape[1])
            ? ElementwiseKernels.Beside(hidden, skip)
            : cat([hidden, skip], 1);
}
