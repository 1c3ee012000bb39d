using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>Operations that read each element once and write each result once.</summary>
internal static class ElementwiseKernels
{
    private const int Threads = 256;

    /// <summary>x + first + second + bias + more of each channel.</summary>
    /// <param name="x">[.., width] in memory: rows, or channels-last pictures.</param>
    /// <param name="first">Laid out like x.</param>
    /// <param name="second">Laid out like x, or null.</param>
    /// <param name="bias">[width], or null.</param>
    /// <param name="more">[width], or null.</param>
    /// <param name="width">Channels.</param>
    public static Tensor AddBias(Tensor x, Tensor first, Tensor? second, Tensor? bias, Tensor? more, long width)
    {
        Tensor y;
        using (no_grad())
        {
            y = empty_like(x);
            Fused.Library.Launch(
                "add_bias",
                Grid(y.numel()),
                (Threads, 1),
                0,
                KernelArgument.Of(x),
                KernelArgument.Of(first),
                KernelArgument.Of(second),
                KernelArgument.Of(bias),
                KernelArgument.Of(more),
                KernelArgument.Of(y),
                y.numel(),
                width);
        }

        if (CustomGradient.Needed(x, first, second, bias, more))
        {
            Tensor?[] all = [x, first, second, bias, more];
            var inputs = all.Where(input => input is not null && input.requires_grad).Select(input => input!).ToArray();
            var flat = inputs.Select(input => input.dim() == 1).ToArray();
            var pictures = x.dim() == 4;
            CustomGradient.Attach(inputs, [y], [], gradients => [.. flat.Select(Gradient(gradients[0]!, pictures))]);
        }

        return y;
    }

    /// <summary>a · GELU(g) of x = (a, g) + bias side by side.</summary>
    /// <param name="x">[.., 2 · width].</param>
    /// <param name="bias">[2 · width], or null.</param>
    /// <returns>[.., width].</returns>
    public static Tensor Geglu(Tensor x, Tensor? bias)
    {
        using var scope = NewDisposeScope();
        var from = x.contiguous();
        var width = x.shape[^1] / 2;
        Tensor y;
        using (no_grad())
        {
            y = empty([.. x.shape[..^1], width], x.dtype, x.device);
            Fused.Library.Launch(
                "geglu",
                Grid(y.numel()),
                (Threads, 1),
                0,
                KernelArgument.Of(from),
                KernelArgument.Of(bias),
                KernelArgument.Of(y),
                y.numel(),
                width);
        }

        if (CustomGradient.Needed(from, bias))
        {
            var ofBias = bias is not null && bias.requires_grad;
            Tensor?[] saved = [CustomGradient.Save(from), bias is null ? null : CustomGradient.Save(bias)];
            CustomGradient.Attach(
                ofBias ? [from, bias!] : [from],
                [y],
                saved,
                gradients => GegluBackward(saved, gradients[0]!, width, ofBias));
        }

        return y.MoveToOuterDisposeScope();
    }

    /// <summary>Twice the height and width, each pixel four times.</summary>
    /// <param name="x">Channels-last pictures.</param>
    public static Tensor DoubleSize(Tensor x)
    {
        using var scope = NewDisposeScope();
        var from = ChannelsLast.Of(x);
        var shape = from.shape;
        Tensor y;
        using (no_grad())
        {
            y = EmptyPictures(from, shape[1], 2 * shape[2], 2 * shape[3]);
            Fused.Library.Launch(
                "double_size",
                Grid(y.numel()),
                (Threads, 1),
                0,
                KernelArgument.Of(from),
                KernelArgument.Of(y),
                y.numel(),
                shape[2],
                shape[3],
                shape[1]);
        }

        if (CustomGradient.Needed(from))
        {
            CustomGradient.Attach([from], [y], [], gradients => DoubleSizeBackward(gradients[0]!, shape));
        }

        return y.MoveToOuterDisposeScope();
    }

    /// <summary>The channels of x, then those of z.</summary>
    /// <param name="x">Pictures.</param>
    /// <param name="z">Pictures of the same height and width.</param>
    public static Tensor Beside(Tensor x, Tensor z)
    {
        using var scope = NewDisposeScope();
        var first = ChannelsLast.Of(x);
        var second = ChannelsLast.Of(z);
        var (a, b) = (x.shape[1], z.shape[1]);
        Tensor y;
        using (no_grad())
        {
            y = EmptyPictures(first, a + b, x.shape[2], x.shape[3]);
            Fused.Library.Launch(
                "beside",
                Grid(y.numel()),
                (Threads, 1),
                0,
                KernelArgument.Of(first),
                KernelArgument.Of(second),
                KernelArgument.Of(y),
                y.numel(),
                a,
                b);
        }

        if (CustomGradient.Needed(first, second))
        {
            var needed = (first.requires_grad, second.requires_grad);
            Tensor[] inputs = needed switch
            {
                (true, true) => [first, second],
                (true, false) => [first],
                _ => [second],
            };
            CustomGradient.Attach(inputs, [y], [], gradients => Split(gradients[0]!, a, b, needed));
        }

        return y.MoveToOuterDisposeScope();
    }

    private static Func<bool, Tensor> Gradient(Tensor gradient, bool pictures) => flat =>
    {
        if (!flat)
        {
            return gradient.alias().DetachFromDisposeScope();
        }

        using var scope = NewDisposeScope();
        var rows = pictures ? ChannelsLast.Rows(ChannelsLast.Of(gradient)) : gradient;
        return rows.reshape(-1, rows.shape[^1])
            .sum(0, type: ScalarType.Float32)
            .to_type(Fused.Type)
            .DetachFromDisposeScope();
    };

    private static Tensor?[] GegluBackward(Tensor?[] saved, Tensor gradient, long width, bool ofBias)
    {
        using var scope = NewDisposeScope();
        var dy = gradient.contiguous();
        var dx = empty_like(saved[0]!);
        Fused.Library.Launch(
            "geglu_backward",
            Grid(dy.numel()),
            (Threads, 1),
            0,
            KernelArgument.Of(saved[0]),
            KernelArgument.Of(saved[1]),
            KernelArgument.Of(dy),
            KernelArgument.Of(dx),
            dy.numel(),
            width);
        dx.DetachFromDisposeScope();
        if (!ofBias)
        {
            return [dx];
        }

        var total = dx.reshape(-1, 2 * width).sum(0, type: ScalarType.Float32).to_type(Fused.Type);
        return [dx, total.DetachFromDisposeScope()];
    }

    private static Tensor?[] DoubleSizeBackward(Tensor gradient, long[] shape)
    {
        using var scope = NewDisposeScope();
        var dy = ChannelsLast.Of(gradient);
        var dx = EmptyPictures(dy, shape[1], shape[2], shape[3]);
        Fused.Library.Launch(
            "double_size_backward",
            Grid(dx.numel()),
            (Threads, 1),
            0,
            KernelArgument.Of(dy),
            KernelArgument.Of(dx),
            dx.numel(),
            shape[2],
            shape[3],
            shape[1]);
        return [dx.DetachFromDisposeScope()];
    }

    private static Tensor?[] Split(Tensor gradient, long a, long b, (bool First, bool Second) needed)
    {
        using var scope = NewDisposeScope();
        var results = new List<Tensor>();
        if (needed.First)
        {
            results.Add(ChannelsLast.Of(gradient.narrow(1, 0, a)).DetachFromDisposeScope());
        }

        if (needed.Second)
        {
            results.Add(ChannelsLast.Of(gradient.narrow(1, a, b)).DetachFromDisposeScope());
        }

        return [.. results];
    }

    private static Tensor EmptyPictures(Tensor like, long channels, long height, long width)
    {
        using var flat = empty([like.shape[0], height, width, channels], like.dtype, like.device);
        return flat.permute(0, 3, 1, 2);
    }

    private static (int X, int Y) Grid(long elements) => ((int)(((elements / 8) + Threads - 1) / Threads), 1);
}
