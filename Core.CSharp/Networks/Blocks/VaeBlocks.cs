using Recipes.Core.Networks.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Blocks;

/// <summary>One level of the encoder: resnets, then half the size on all but the last. Frees its input.</summary>
internal sealed class VaeDownBlock : nn.Module
{
    private readonly ModuleList<ResnetBlock2D> resnets = [];
    private readonly ModuleList<Downsample2D>? downsamplers;

    public VaeDownBlock(VaeParts parts, int level)
        : base(nameof(VaeDownBlock))
    {
        var widths = parts.Config.BlockOutChannels;
        for (var layer = 0; layer < parts.Config.LayersPerBlock; layer++)
        {
            resnets.Add(parts.Resnet(widths[layer == 0 ? Math.Max(level - 1, 0) : level], widths[level]));
        }

        if (level < widths.Count - 1)
        {
            downsamplers = [new Downsample2D(widths[level], symmetric: false, parts.Device, parts.DType)];
        }

        RegisterComponents();
    }

    public Tensor forward(Tensor hidden)
    {
        foreach (var resnet in resnets)
        {
            hidden = hidden.Then(pixels => resnet.forward(pixels));
        }

        return downsamplers is null ? hidden : hidden.Then(downsamplers[0].forward);
    }
}

/// <summary>One level of the decoder: resnets, then twice the size on all but the finest. Frees its input.</summary>
internal sealed class VaeUpBlock : nn.Module
{
    private readonly ModuleList<ResnetBlock2D> resnets = [];
    private readonly ModuleList<Upsample2D>? upsamplers;

    public VaeUpBlock(VaeParts parts, int level)
        : base(nameof(VaeUpBlock))
    {
        var widths = parts.Config.BlockOutChannels;
        for (var layer = 0; layer <= parts.Config.LayersPerBlock; layer++)
        {
            var input = layer == 0 ? Math.Min(level + 1, widths.Count - 1) : level;
            resnets.Add(parts.Resnet(widths[input], widths[level]));
        }

        if (level > 0)
        {
            upsamplers = [new Upsample2D(widths[level], parts.Device, parts.DType)];
        }

        RegisterComponents();
    }

    public Tensor forward(Tensor hidden)
    {
        foreach (var resnet in resnets)
        {
            hidden = hidden.Then(pixels => resnet.forward(pixels));
        }

        if (upsamplers is null)
        {
            return hidden;
        }

        var shape = hidden.shape;
        return hidden.Then(pixels => upsamplers[0].forward(pixels, 2 * shape[2], 2 * shape[3]));
    }
}

/// <summary>The coarsest part of encoder and decoder: a resnet, an attention, a resnet.</summary>
internal sealed class VaeMidBlock : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<ResnetBlock2D> resnets;
    private readonly ModuleList<VaeAttention>? attentions;

    public VaeMidBlock(VaeParts parts)
        : base(nameof(VaeMidBlock))
    {
        var width = parts.Config.BlockOutChannels[^1];
        resnets = [parts.Resnet(width, width), parts.Resnet(width, width)];
        attentions = parts.Config.MidBlockAddAttention
            ? [new VaeAttention(width, parts.Config.NormNumGroups, VaeParts.NormEps, parts.Device, parts.DType)]
            : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var hidden = resnets[0].forward(input);
        hidden = attentions is null ? hidden : attentions[0].forward(hidden);
        return resnets[1].forward(hidden).MoveToOuterDisposeScope();
    }
}
