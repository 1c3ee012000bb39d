using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>
/// Two-dimensional convolution with results that can be relied on. The oneDNN kernels of libtorch 2.10 work on blocks
/// of 16 channels on the CPU. Where the channels they sum over (the inputs in the forward pass, the outputs for the
/// input's gradient) do not fill the last block, they read memory that was never written; strided ones also go wrong
/// on an odd number of blocks. Such weights are padded with zero channels, which change nothing.
/// </summary>
internal static class Convolution
{
    private const long Block = 16;

    /// <summary>The convolution of input [batch, in, height, width] with weight [out, in, kernel, kernel].</summary>
    public static Tensor Apply(Tensor input, Tensor weight, Tensor? bias, long[] stride, long[] padding)
    {
        var shape = weight.shape;
        var (inputs, outputs) = Missing(input, shape, stride[0] > 1);
        if (inputs == 0 && outputs == 0)
        {
            return nn.functional.conv2d(input, weight, bias, stride, padding);
        }

        using var scope = NewDisposeScope();
        var wide = nn.functional.pad(weight, [0, 0, 0, 0, 0, inputs, 0, outputs]);
        var deep = inputs == 0 ? input : nn.functional.pad(input, [0, 0, 0, 0, 0, inputs]);
        var shift = bias is null || outputs == 0 ? bias : nn.functional.pad(bias, [0, outputs]);
        var output = nn.functional.conv2d(deep, wide, shift, stride, padding);
        return (outputs == 0 ? output : output.narrow(1, 0, shape[0]).contiguous()).MoveToOuterDisposeScope();
    }

    /// <summary>How many zero channels to add to inputs and outputs.</summary>
    private static (long Inputs, long Outputs) Missing(Tensor input, long[] weight, bool strided)
    {
        if (input.device_type != DeviceType.CPU || input.dtype == ScalarType.Float64)
        {
            return (0, 0);
        }

        // Float32 has kernels of its own for 1 × 1 and for a single block of inputs, which are right.
        var narrow = input.dtype != ScalarType.Float32;
        if (weight[2] == 1 && !narrow)
        {
            return (0, 0);
        }

        return (
            narrow || weight[1] > Block ? ToFill(weight[1], strided ? 2 * Block : Block) : 0,
            narrow || input.requires_grad ? ToFill(weight[0], Block) : 0);
    }

    private static long ToFill(long count, long block) => (block - (count % block)) % block;
}
