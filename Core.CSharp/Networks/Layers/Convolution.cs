using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>
/// conv2d, right on every CPU. With more than one thread, the oneDNN of libtorch 2.10 computes wrong values on some
/// processors (seen with AVX-512; NaN at times) for kernels above 1x1 wherever the channels that it sums over do not
/// fill its blocks of 16: in the gradient of the input where that is so of the output channels, as of every UNet's last
/// layer and of low ranks, and in the output where more than 16 input channels do not. Channels of zeros that fill the
/// block change no result and leave the fast path usable.
/// </summary>
internal static class Convolution
{
    private const long Block = 16;

    /// <param name="input">[batch, in, height, width].</param>
    /// <param name="weight">[out, in, kernel, kernel].</param>
    /// <param name="bias">[out], or none.</param>
    /// <param name="stride">Step in both directions.</param>
    /// <param name="padding">Zeros on every side.</param>
    public static Tensor Run(Tensor input, Tensor weight, Tensor? bias, long[] stride, long[] padding)
    {
        var shape = weight.shape;
        var (outputs, inputs) = (shape[0], shape[1]);
        var addOut = Missing(outputs);
        var addIn = inputs > Block ? Missing(inputs) : 0;
        if (addOut + addIn == 0 || shape[2] == 1 || weight.device_type != TorchSharp.DeviceType.CPU)
        {
            return nn.functional.conv2d(input, weight, bias, stride, padding);
        }

        if (!input.requires_grad || !is_grad_enabled())
        {
            addOut = 0;
        }

        using var scope = NewDisposeScope();
        var wide = addIn == 0 ? input : nn.functional.pad(input, [0, 0, 0, 0, 0, addIn]);
        var filled = nn.functional.pad(weight, [0, 0, 0, 0, 0, addIn, 0, addOut]);
        var full = bias is null || addOut == 0 ? bias : nn.functional.pad(bias, [0, addOut]);
        var output = nn.functional.conv2d(wide, filled, full, stride, padding);
        return (addOut == 0 ? output : output.narrow(1, 0, outputs)).MoveToOuterDisposeScope();
    }

    private static long Missing(long channels) => (Block - channels % Block) % Block;
}
