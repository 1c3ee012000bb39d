using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>Two-dimensional convolution with gradients that can be relied on.</summary>
internal static class Convolution
{
    private const long Block = 16;

    /// <summary>
    /// The convolution of libtorch. Its oneDNN kernels on the CPU work on blocks of 16 channels and read memory that
    /// was never written when they compute the input's gradient for a count of outputs that does not fill the last
    /// block (libtorch 2.10, kernels above 1 × 1): there the weight is padded with outputs that are then cut off.
    /// </summary>
    public static Tensor Apply(Tensor input, Tensor weight, Tensor? bias, long[] stride, long[] padding)
    {
        var outputs = weight.shape[0];
        var missing = (Block - (outputs % Block)) % Block;
        if (missing == 0 || weight.shape[2] == 1 || !input.requires_grad || input.device_type != DeviceType.CPU)
        {
            return nn.functional.conv2d(input, weight, bias, stride, padding);
        }

        using var scope = NewDisposeScope();
        var wide = nn.functional.pad(weight, [0, 0, 0, 0, 0, 0, 0, missing]);
        var wideBias = bias is null ? null : nn.functional.pad(bias, [0, missing]);
        var output = nn.functional.conv2d(input, wide, wideBias, stride, padding);
        return output.narrow(1, 0, outputs).contiguous().MoveToOuterDisposeScope();
    }
}
