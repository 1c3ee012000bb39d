using Recipes.Core.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// Rounding of float32 to bfloat16 up or down at random, so that the mean is exact: rounded to the nearest, a second
/// moment would stand still, as a step changes it by 1/1000 and bfloat16 holds 1/256 (Gupta et al., "Deep Learning with
/// Limited Numerical Precision"; Zamirai et al., "Revisiting BFloat16 Training"). The draws are <see cref="Philox"/>'s,
/// by seed, step, tensor and element, the same as in the kernel.
/// </summary>
internal static unsafe class NarrowMoments
{
    private const int Share = 1 << 16;

    /// <summary>A number whose 16 lower bits are dropped after 16 random ones were added to them.</summary>
    public static ushort Round(float value, uint draw) =>
        (ushort)((BitConverter.SingleToUInt32Bits(value) + (draw & 0xffff)) >> 16);

    /// <summary>Rounds both moments of a tensor.</summary>
    /// <param name="seed">Of all rounding.</param>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="tensor">The tensor's place among all that are trained.</param>
    /// <param name="first">Exact, float32; the draws' lower halves round it.</param>
    /// <param name="second">Exact, float32, laid out alike; the draws' upper halves round it.</param>
    /// <param name="toFirst">Bfloat16, laid out alike.</param>
    /// <param name="toSecond">Likewise.</param>
    public static void Round(
        ulong seed, long step, int tensor, Tensor first, Tensor second, Tensor toFirst, Tensor toSecond)
    {
        using var scope = NewDisposeScope();
        var onHost = toFirst.device_type == DeviceType.CPU;
        var (exactFirst, exactSecond) = (first.cpu(), second.cpu());
        var (madeFirst, madeSecond) = onHost ? (toFirst, toSecond) : (toFirst.cpu(), toSecond.cpu());
        var fromA = (float*)KernelArgument.Of(exactFirst);
        var fromB = (float*)KernelArgument.Of(exactSecond);
        var toA = (ushort*)KernelArgument.Of(madeFirst);
        var toB = (ushort*)KernelArgument.Of(madeSecond);
        var count = checked((int)first.numel());
        Parallel.For(0, (count + Share - 1) / Share, share =>
        {
            var end = Math.Min(count, (share + 1) * Share);
            for (var at = share * Share; at < end; at += 4)
            {
                var (a, b, c, d) = Philox.Draw(seed, (uint)at / 4, (uint)tensor, (uint)step, 0);
                ReadOnlySpan<uint> draws = [a, b, c, d];
                for (var i = at; i < Math.Min(end, at + 4); i++)
                {
                    toA[i] = Round(fromA[i], draws[i - at]);
                    toB[i] = Round(fromB[i], draws[i - at] >> 16);
                }
            }
        });
        if (!onHost)
        {
            toFirst.copy_(madeFirst);
            toSecond.copy_(madeSecond);
        }
    }
}
