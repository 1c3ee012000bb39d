using Recipes.Core.Networks.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Conv2d = Recipes.Core.Networks.Layers.Conv2d;
using GroupNorm = Recipes.Core.Networks.Layers.GroupNorm;

namespace Recipes.Core.Networks.Blocks;

/// <summary>Pictures to the mean and log-variance of latents.</summary>
internal sealed class VaeEncoder : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv_in;
    private readonly ModuleList<VaeDownBlock> down_blocks = [];
    private readonly VaeMidBlock mid_block;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;

    public VaeEncoder(VaeParts parts)
        : base(nameof(VaeEncoder))
    {
        var config = parts.Config;
        var widths = config.BlockOutChannels;
        conv_in = parts.Conv(config.InChannels, widths[0]);
        for (var level = 0; level < widths.Count; level++)
        {
            down_blocks.Add(new VaeDownBlock(parts, level));
        }

        mid_block = new VaeMidBlock(parts);
        conv_norm_out = parts.Norm(widths[^1]);
        conv_out = parts.Conv(widths[^1], 2 * config.LatentChannels);
        RegisterComponents();
    }

    /// <summary>The first layer, for the type and place of the weights.</summary>
    public Conv2d Input => conv_in;

    public override Tensor forward(Tensor input)
    {
        var hidden = conv_in.forward(input);
        foreach (var block in down_blocks)
        {
            hidden = block.forward(hidden);
        }

        return hidden.Then(mid_block.forward).Then(conv_norm_out.Activated).Then(conv_out.forward);
    }
}

/// <summary>Latents to pictures.</summary>
internal sealed class VaeDecoder : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv_in;
    private readonly VaeMidBlock mid_block;
    private readonly ModuleList<VaeUpBlock> up_blocks = [];
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;

    public VaeDecoder(VaeParts parts)
        : base(nameof(VaeDecoder))
    {
        var config = parts.Config;
        var widths = config.BlockOutChannels;
        conv_in = parts.Conv(config.LatentChannels, widths[^1]);
        mid_block = new VaeMidBlock(parts);
        for (var level = widths.Count - 1; level >= 0; level--)
        {
            up_blocks.Add(new VaeUpBlock(parts, level));
        }

        conv_norm_out = parts.Norm(widths[0]);
        conv_out = parts.Conv(widths[0], config.OutChannels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var hidden = conv_in.forward(input).Then(mid_block.forward);
        foreach (var block in up_blocks)
        {
            hidden = block.forward(hidden);
        }

        return hidden.Then(conv_norm_out.Activated).Then(conv_out.forward);
    }
}
