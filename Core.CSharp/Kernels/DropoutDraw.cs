using Recipes.Core.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>
/// Leaves out elements at random (Srivastava et al. 2014, "Dropout"), by draws of <see cref="Philox"/> that a key and a
/// number decide: the same elements whenever the same pass is run, forward, backward or again.
/// </summary>
/// <param name="Key">The pass's stream, one int64 where the elements lie; it may change between replays of a graph.</param>
/// <param name="Number">Tells the uses of a pass apart.</param>
internal sealed record DropoutDraw(Tensor Key, int Number)
{
    private const int Threads = 256;

    /// <summary>The elements kept, times 1/(1 - share); zeros for the others. The gradient is that of the same draw.</summary>
    /// <param name="x">Any shape.</param>
    /// <param name="share">How likely an element is left out, at least 0 and below 1.</param>
    public Tensor Apply(Tensor x, double share)
    {
        using var scope = NewDisposeScope();
        var from = x.contiguous();
        var kernel = from.device_type == DeviceType.CUDA
            && from.dtype is ScalarType.BFloat16 or ScalarType.Float32
            && Fused.Enabled
            && Fused.Available;
        if (!kernel)
        {
            return from.mul(Mask(from, share)).MoveToOuterDisposeScope();
        }

        Tensor y;
        using (no_grad())
        {
            y = Launch(from, share);
        }

        if (CustomGradient.Needed(from))
        {
            CustomGradient.Attach([from], [y], [], gradients =>
            {
                using var inner = NewDisposeScope();
                return [Launch(gradients[0]!.contiguous(), share).DetachFromDisposeScope()];
            });
        }

        return y.MoveToOuterDisposeScope();
    }

    /// <summary>The least word that keeps an element.</summary>
    internal static uint Least(double share) => (uint)Math.Min(uint.MaxValue, Math.Round(share * (1L << 32)));

    private static float Scale(double share) => (float)(1 / (1 - share));

    /// <summary>The factors as plain operations take them, drawn by the host.</summary>
    private Tensor Mask(Tensor like, double share)
    {
        using var none = no_grad();
        var (least, scale) = (Least(share), Scale(share));
        var factors = new float[like.numel()];
        using var key = Key.cpu();
        Philox.Draws(unchecked((ulong)key.item<long>()), (uint)Number, 0, factors.Length, (at, a, b, c, d) =>
        {
            ReadOnlySpan<uint> words = [a, b, c, d];
            for (var i = 0; i < words.Length && at + i < factors.Length; i++)
            {
                factors[at + i] = words[i] >= least ? scale : 0;
            }
        });
        return tensor(factors, like.shape).to(like.dtype, like.device);
    }

    private Tensor Launch(Tensor x, double share)
    {
        var y = empty_like(x);
        var (narrow, wide) = x.dtype == ScalarType.BFloat16 ? ((Tensor?)x, (Tensor?)null) : (null, x);
        Fused.Library.Launch(
            "dropout",
            ((int)(((x.numel() / 8) + Threads) / Threads), 1),
            (Threads, 1),
            0,
            KernelArgument.Of(narrow),
            KernelArgument.Of(wide),
            KernelArgument.Of(narrow is null ? null : y),
            KernelArgument.Of(wide is null ? null : y),
            KernelArgument.Of(Key),
            x.numel(),
            Number,
            Least(share),
            KernelArgument.Of(Scale(share)));
        return y;
    }
}
