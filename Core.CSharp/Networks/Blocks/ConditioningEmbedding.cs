using TorchSharp.Modules;
using static TorchSharp.torch;
using Conv2d = Recipes.Core.Networks.Layers.Conv2d;

namespace Recipes.Core.Networks.Blocks;

/// <summary>
/// The hint encoder of a ControlNet (Zhang et al. 2023, section 3.2): 3x3 convolutions with SiLU, every second one
/// halving height and width, that bring a picture to the size of the latents.
/// </summary>
internal sealed class ConditioningEmbedding : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv_in;
    private readonly ModuleList<Conv2d> blocks = [];
    private readonly Conv2d conv_out;

    public ConditioningEmbedding(ControlNetConfig config, Device? device, ScalarType? dtype)
        : base(nameof(ConditioningEmbedding))
    {
        var widths = config.ConditioningEmbeddingOutChannels;
        conv_in = new Conv2d(config.ConditioningChannels, widths[0], 3, padding: 1, device: device, dtype: dtype);
        for (var level = 0; level + 1 < widths.Count; level++)
        {
            var width = widths[level];
            blocks.Add(new Conv2d(width, width, 3, padding: 1, device: device, dtype: dtype));
            blocks.Add(new Conv2d(width, widths[level + 1], 3, stride: 2, padding: 1, device: device, dtype: dtype));
        }

        var output = config.Encoder.BlockOutChannels[0];
        conv_out = new Conv2d(widths[^1], output, 3, padding: 1, device: device, dtype: dtype);
        RegisterComponents();
    }

    /// <summary>The map onto the latents' features, which starts at zero.</summary>
    public Conv2d Last => conv_out;

    /// <summary>[n, channels, height, width] to [n, width of the first level, height / factor, width / factor].</summary>
    public override Tensor forward(Tensor image)
    {
        using var scope = NewDisposeScope();
        var hidden = conv_in.forward(image).silu_();
        foreach (var block in blocks)
        {
            hidden = block.forward(hidden).silu_();
        }

        return conv_out.forward(hidden).MoveToOuterDisposeScope();
    }
}
