using Recipes.Core.Kernels;
using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Blocks;

/// <summary>Halves height and width by a 3x3 convolution of stride 2.</summary>
internal sealed class Downsample2D : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv;
    private readonly bool symmetric;

    /// <param name="channels">Channels of input and output.</param>
    /// <param name="symmetric">One zero on every side (UNet), or right and below only (the VAE's encoder).</param>
    /// <param name="device">Where the weights lie.</param>
    /// <param name="dtype">Type of the weights.</param>
    public Downsample2D(long channels, bool symmetric, Device? device, ScalarType? dtype)
        : base(nameof(Downsample2D))
    {
        this.symmetric = symmetric;
        conv = new Conv2d(channels, channels, 3, stride: 2, padding: symmetric ? 1 : 0, device: device, dtype: dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        if (symmetric)
        {
            return conv.forward(input);
        }

        using var padded = nn.functional.pad(input, [0, 1, 0, 1]);
        return conv.forward(padded);
    }
}

/// <summary>Repeats pixels, then smooths them by a 3x3 convolution.</summary>
internal sealed class Upsample2D : nn.Module
{
    private readonly Conv2d conv;

    public Upsample2D(long channels, Device? device, ScalarType? dtype)
        : base(nameof(Upsample2D))
    {
        conv = new Conv2d(channels, channels, 3, padding: 1, device: device, dtype: dtype);
        RegisterComponents();
    }

    /// <param name="input">[batch, channels, h, w].</param>
    /// <param name="height">Of the output.</param>
    /// <param name="width">Of the output.</param>
    public Tensor forward(Tensor input, long height, long width)
    {
        if (height == 2 * input.shape[2] && width == 2 * input.shape[3] && Fused.Takes(input, input.shape[1]))
        {
            using var doubled = ElementwiseKernels.DoubleSize(input);
            return conv.forward(doubled);
        }

        using var larger = nn.functional.interpolate(input, size: [height, width], mode: InterpolationMode.Nearest);
        return conv.forward(larger);
    }
}
