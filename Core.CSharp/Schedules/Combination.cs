using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Schedules;

/// <summary>
/// Weighted sums of tensors, one operation for each that counts. Half-precision tensors are summed in float32: the
/// terms are large and nearly cancel at high noise.
/// </summary>
internal static class Combination
{
    /// <summary>The sum in a tensor of its own, float32 where the first tensor's type is narrower.</summary>
    /// <param name="terms">Tensors of one shape. A weight of 0 leaves its tensor out, whatever that holds.</param>
    public static Tensor Wide(params ReadOnlySpan<(double Weight, Tensor Tensor)> terms)
    {
        Tensor? sum = null;
        foreach (var (weight, tensor) in terms)
        {
            if (weight == 0)
            {
                continue;
            }

            // TorchSharp holds only the address of a number it makes itself, which a collection may free before it is read.
            using Scalar factor = weight;
            if (sum is null)
            {
                sum = IsNarrow(tensor.dtype) ? tensor.to_type(ScalarType.Float32).mul_(factor) : tensor.mul(factor);
            }
            else
            {
                sum.add_(tensor, factor);
            }
        }

        return sum ?? zeros_like(terms[0].Tensor);
    }

    /// <summary>The sum in a tensor of its own, in a given type.</summary>
    /// <inheritdoc cref="Wide"/>
    public static Tensor Of(ScalarType dtype, params ReadOnlySpan<(double Weight, Tensor Tensor)> terms)
    {
        var sum = Wide(terms);
        return sum.dtype == dtype ? sum : sum.to_type(dtype);
    }

    private static bool IsNarrow(ScalarType dtype) => dtype is ScalarType.Float16 or ScalarType.BFloat16;
}
