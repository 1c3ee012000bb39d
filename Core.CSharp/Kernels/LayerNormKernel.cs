using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>Layer normalisation, with the residual addition in front of it in the same pass over memory.</summary>
internal static class LayerNormKernel
{
    private const int Warps = 4;

    /// <summary>Vectors of eight a lane holds, in the kernels there are.</summary>
    private static readonly int[] Vectors = [2, 3, 5, 8];

    /// <summary>Whether the kernel takes rows of this width.</summary>
    public static bool Takes(Tensor rows, long width) =>
        width <= 256 * Vectors[^1] && Fused.Takes(rows, width);

    /// <summary>norm(x) · weight + offset.</summary>
    /// <param name="x">[.., width].</param>
    /// <param name="weight">[width].</param>
    /// <param name="offset">[width].</param>
    /// <param name="eps">Added to the variance.</param>
    public static Tensor Apply(Tensor x, Tensor weight, Tensor offset, double eps)
    {
        using var scope = NewDisposeScope();
        var rows = x.contiguous();
        var (_, y) = Run(rows, null, null, weight, offset, eps);
        return y.MoveToOuterDisposeScope();
    }

    /// <summary>x + delta + bias, and its normalisation.</summary>
    /// <param name="x">[.., width].</param>
    /// <param name="delta">Like x, or null.</param>
    /// <param name="bias">[width], or null.</param>
    /// <param name="weight">[width].</param>
    /// <param name="offset">[width].</param>
    /// <param name="eps">Added to the variance.</param>
    public static (Tensor Sum, Tensor Normed) AddApply(
        Tensor x, Tensor? delta, Tensor? bias, Tensor weight, Tensor offset, double eps)
    {
        using var scope = NewDisposeScope();
        var (sum, y) = Run(x.contiguous(), delta?.contiguous(), bias, weight, offset, eps);
        return scope.MoveToOuter(sum!, y);
    }

    private static (Tensor? Sum, Tensor Y) Run(
        Tensor x, Tensor? delta, Tensor? bias, Tensor weight, Tensor offset, double eps)
    {
        var width = x.shape[^1];
        var count = x.numel() / width;
        var gradient = CustomGradient.Needed(x, delta, bias, weight, offset);
        Tensor y;
        Tensor? sum;
        Tensor? moments;
        using (no_grad())
        {
            y = empty_like(x);
            sum = delta is null && bias is null ? null : empty_like(x);
            moments = gradient ? empty([count, 2], ScalarType.Float32, x.device) : null;
            Fused.Library.Launch(
                $"layer_norm_{Variant(width)}",
                Grid(count),
                (32, Warps),
                0,
                KernelArgument.Of(x),
                KernelArgument.Of(delta),
                KernelArgument.Of(bias),
                KernelArgument.Of(weight),
                KernelArgument.Of(offset),
                KernelArgument.Of(sum),
                KernelArgument.Of(y),
                KernelArgument.Of(moments),
                count,
                width,
                KernelArgument.Of(eps));
        }

        if (gradient)
        {
            Tensor?[] all = [x, delta, bias, weight, offset];
            var needed = all.Select(input => input is not null && input.requires_grad).ToArray();
            Tensor?[] saved =
            [
                CustomGradient.Save(sum ?? x), CustomGradient.Save(weight), CustomGradient.Save(moments!),
            ];
            CustomGradient.Attach(
                [.. all.Where((_, index) => needed[index]).Select(input => input!)],
                sum is null ? [y] : [sum, y],
                saved,
                gradients => Backward(
                    saved, gradients[^1], sum is null ? null : gradients[0], needed));
        }

        return (sum, y);
    }

    /// <param name="saved">What was normalised, the weight, the moments.</param>
    /// <param name="ofNormed">Gradient of the normalised; null for none.</param>
    /// <param name="ofSum">Gradient of the sum; null for none.</param>
    /// <param name="needed">Of x, delta, bias, weight, offset.</param>
    private static Tensor?[] Backward(Tensor?[] saved, Tensor? ofNormed, Tensor? ofSum, bool[] needed)
    {
        using var scope = NewDisposeScope();
        var x = saved[0]!;
        var width = x.shape[^1];
        var count = x.numel() / width;
        var dy = ofNormed?.contiguous() ?? zeros_like(x);
        var dx = empty_like(x);
        Fused.Library.Launch(
            $"layer_norm_backward_{Variant(width)}",
            Grid(count),
            (32, Warps),
            0,
            KernelArgument.Of(x),
            KernelArgument.Of(saved[1]),
            KernelArgument.Of(saved[2]),
            KernelArgument.Of(dy),
            KernelArgument.Of(ofSum?.contiguous()),
            KernelArgument.Of(dx),
            count,
            width);
        var results = new List<Tensor>();
        Add(0, () => dx.alias());
        Add(1, () => dx.alias());
        Add(2, () => dx.reshape(-1, width).sum(0, type: ScalarType.Float32).to_type(Fused.Type));
        if (needed[3])
        {
            var moments = saved[2]!;
            var rows = x.reshape(-1, width).to_type(ScalarType.Float32);
            var normed = rows.sub_(moments.select(1, 0).unsqueeze(1)).mul_(moments.select(1, 1).unsqueeze(1));
            Add(3, () => normed.mul_(dy.reshape(-1, width)).sum([0]).to_type(Fused.Type));
        }

        Add(4, () => dy.reshape(-1, width).sum(0, type: ScalarType.Float32).to_type(Fused.Type));
        return [.. results.Select(result => result.DetachFromDisposeScope())];

        void Add(int index, Func<Tensor> make)
        {
            if (needed[index])
            {
                results.Add(make());
            }
        }
    }

    private static int Variant(long width) => Vectors.First(vectors => width <= 256 * vectors);

    private static (int X, int Y) Grid(long rows) => ((int)((rows + Warps - 1) / Warps), 1);
}
