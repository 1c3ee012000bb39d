using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>
/// Group normalisation of channels-last pictures, with the additions in front of it and the SiLU behind it in the same
/// two passes over memory.
/// </summary>
internal static class GroupNormKernel
{
    private const int Chunks = 128;
    private const int BlocksPerProcessor = 4;
    private const int LeastThreads = 256;
    private const int MostThreads = 512;

    /// <summary>Whether the kernel takes pictures of so many channels.</summary>
    public static bool Takes(Tensor pictures, long channels) =>
        channels / 8 <= MostThreads && Fused.Takes(pictures, channels);

    /// <summary>act(norm(x + bias + shift) · weight + offset).</summary>
    /// <param name="x">[n, channels, height, width]; copied if not channels-last.</param>
    /// <param name="weight">[channels].</param>
    /// <param name="offset">[channels].</param>
    /// <param name="groups">Groups of channels.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="activate">Whether SiLU follows.</param>
    /// <param name="bias">[channels], or null.</param>
    /// <param name="shift">[n, channels], or null.</param>
    /// <returns>Like x, channels-last.</returns>
    public static Tensor Apply(
        Tensor x,
        Tensor weight,
        Tensor offset,
        long groups,
        double eps,
        bool activate,
        Tensor? bias = null,
        Tensor? shift = null)
    {
        using var scope = NewDisposeScope();
        var pictures = ChannelsLast.Of(x);
        var rows = shift?.contiguous();
        Tensor y;
        Tensor moments;
        var plan = new Plan(pictures.shape, (int)groups);
        using (no_grad())
        {
            y = empty_like(pictures);
            moments = empty([plan.Pictures, groups, 2], ScalarType.Float32, x.device);
            var partial = empty([plan.Pictures, plan.Count, groups, 2], ScalarType.Float32, x.device);
            Fused.Library.Launch(
                "group_norm_moments",
                (plan.Count, plan.Pictures),
                plan.Block,
                plan.SumBytes,
                KernelArgument.Of(pictures),
                KernelArgument.Of(bias),
                KernelArgument.Of(rows),
                KernelArgument.Of(partial),
                KernelArgument.Of(moments),
                Fused.Library.Counters(plan.Pictures),
                plan.Pixels,
                groups,
                plan.Rows,
                KernelArgument.Of(eps));
            Fused.Library.Launch(
                "group_norm_apply",
                (plan.Blocks, plan.Pictures),
                plan.Block,
                0,
                KernelArgument.Of(pictures),
                KernelArgument.Of(bias),
                KernelArgument.Of(rows),
                KernelArgument.Of(weight),
                KernelArgument.Of(offset),
                KernelArgument.Of(moments),
                KernelArgument.Of(y),
                plan.Pixels,
                groups,
                activate ? 1 : 0);
        }

        if (CustomGradient.Needed(pictures, weight, offset, bias, rows))
        {
            Tensor?[] all = [pictures, weight, offset, bias, rows];
            var needed = all.Select(input => input is not null && input.requires_grad).ToArray();
            Tensor?[] saved =
            [
                .. all.Append(moments).Select(value => value is null ? null : CustomGradient.Save(value)),
            ];
            CustomGradient.Attach(
                [.. all.Where((_, index) => needed[index]).Select(input => input!)],
                [y],
                saved,
                gradients => Backward(saved, gradients[0]!, plan, activate, needed));
        }

        return y.MoveToOuterDisposeScope();
    }

    private static Tensor?[] Backward(Tensor?[] saved, Tensor gradient, Plan plan, bool activate, bool[] needed)
    {
        using var scope = NewDisposeScope();
        var dy = ChannelsLast.Of(gradient);
        var ofWeights = needed[1] || needed[2];
        var dx = empty_like(saved[0]!);
        var sums = empty([plan.Pictures, plan.Count, plan.Groups, 2], ScalarType.Float32, dx.device);
        var means = empty([plan.Pictures, plan.Groups, 2], ScalarType.Float32, dx.device);
        var channels = ofWeights
            ? empty([plan.Pictures * plan.Count, plan.Channels, 2], ScalarType.Float32, dx.device)
            : null;
        long[] shared =
        [
            KernelArgument.Of(saved[0]),
            KernelArgument.Of(saved[3]),
            KernelArgument.Of(saved[4]),
            KernelArgument.Of(saved[1]),
            KernelArgument.Of(saved[2]),
            KernelArgument.Of(saved[5]),
            KernelArgument.Of(dy),
        ];
        Fused.Library.Launch(
            "group_norm_backward_sums",
            (plan.Count, plan.Pictures),
            plan.Block,
            plan.SumBytes,
            [
                .. shared,
                KernelArgument.Of(sums),
                KernelArgument.Of(channels),
                KernelArgument.Of(means),
                Fused.Library.Counters(plan.Pictures),
                plan.Pixels,
                plan.Groups,
                plan.Rows,
                activate ? 1 : 0,
            ]);
        Fused.Library.Launch(
            "group_norm_backward_apply",
            (plan.Blocks, plan.Pictures),
            plan.Block,
            0,
            [
                .. shared,
                KernelArgument.Of(means),
                KernelArgument.Of(dx),
                plan.Pixels,
                plan.Groups,
                activate ? 1 : 0,
            ]);
        var results = new List<Tensor?>();
        if (needed[0])
        {
            results.Add(dx);
        }

        if (channels is not null)
        {
            var total = channels.sum([0]).to_type(Fused.Type);
            Add(1, () => total.select(1, 1).contiguous());
            Add(2, () => total.select(1, 0).contiguous());
        }

        // [n, channels]: what reaches every pixel alike.
        var shift = needed[3] || needed[4]
            ? ChannelsLast.Rows(dx).sum(1, type: ScalarType.Float32)
            : null;
        Add(3, () => shift!.sum([0]).to_type(Fused.Type));
        Add(4, () => shift!.to_type(Fused.Type));
        return [.. results.Select(result => result?.DetachFromDisposeScope())];

        void Add(int index, Func<Tensor> make)
        {
            if (needed[index])
            {
                results.Add(make());
            }
        }
    }

    /// <summary>How the work is shared out.</summary>
    internal sealed record Plan
    {
        public Plan(long[] shape, int groups)
        {
            Pictures = (int)shape[0];
            Channels = (int)shape[1];
            Pixels = (int)(shape[2] * shape[3]);
            Groups = groups;
            var across = Channels / 8;
            var step = 32 / (int)Gcd(across, 32);
            var down = step;
            while ((down * across < LeastThreads) && ((down + step) * across <= MostThreads))
            {
                down += step;
            }

            Block = (across, down);
            Rows = Share(Math.Clamp(BlocksPerProcessor * Fused.Library.Processors / Pictures, 1, Chunks));
            Count = (Pixels + Rows - 1) / Rows;
            var rows = Share(Math.Max(1, 2 * BlocksPerProcessor * Fused.Library.Processors / Pictures));
            Blocks = (Pixels + rows - 1) / rows;
        }

        public int Pictures { get; }

        public int Channels { get; }

        public int Pixels { get; }

        public int Groups { get; }

        /// <summary>Threads: vectors of eight channels across, pixels down.</summary>
        public (int X, int Y) Block { get; }

        /// <summary>Pixels of a chunk.</summary>
        public int Rows { get; }

        /// <summary>Chunks of a picture.</summary>
        public int Count { get; }

        /// <summary>Blocks of a picture where no sums are taken.</summary>
        public int Blocks { get; }

        /// <summary>Two sums of each channel in each row of threads.</summary>
        public int SumBytes => 2 * sizeof(float) * Channels * Block.Y;

        /// <summary>Pixels of a block where so many share a picture; each thread has two at least.</summary>
        private int Share(int blocks) =>
            Math.Max(RoundUp((Pixels + blocks - 1) / blocks, Block.Y), Math.Min(2 * Block.Y, RoundUp(Pixels, Block.Y)));

        private static int RoundUp(int value, int multiple) => (value + multiple - 1) / multiple * multiple;

        private static int Gcd(int a, int b) => b == 0 ? a : Gcd(b, a % b);
    }
}
