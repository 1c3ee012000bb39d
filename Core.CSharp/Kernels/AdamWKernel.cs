using System.Runtime.InteropServices;
using Recipes.Core.Training;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>One step of AdamW over many tensors: clipping, update and conversion in one pass over memory.</summary>
internal static unsafe class AdamWKernel
{
    private const int Tensors = 64;
    private const int MostSpan = 16384;
    private const int LeastSpan = 1024;
    private const int Threads = 256;
    private const long BlocksForSpan = 1024;

    /// <summary>Updates all tensors.</summary>
    /// <param name="tensors">What is updated; gradients in the layout of their weights.</param>
    /// <param name="counts">Number of each parameter's step, from 1; float32 on the device.</param>
    /// <param name="rate">Float32 scalar on the device.</param>
    /// <param name="norm">The gradients' joint norm, float32 scalar on the device; null for no clipping.</param>
    /// <param name="limit">Greatest norm.</param>
    /// <param name="share">By how much averages follow the weights, float32 scalar on the device; null for none.</param>
    /// <param name="options">The rest.</param>
    public static void Step(
        IReadOnlyList<AdamWTensors> tensors,
        Tensor counts,
        Tensor rate,
        Tensor? norm,
        double limit,
        Tensor? share,
        AdamWOptions options)
    {
        foreach (var kind in tensors.GroupBy(item => item.Gradient?.dtype))
        {
            foreach (var part in kind.Chunk(Tensors))
            {
                Group group = default;
                var blocks = 0;

                // Small tensors are shared out finely, for a block's time counts; large ones coarsely, for its start does.
                var span = LeastSpan;
                while (span < MostSpan && part.Sum(item => item.Master.numel()) > span * BlocksForSpan)
                {
                    span *= 2;
                }

                for (var i = 0; i < part.Length; i++)
                {
                    var item = part[i];
                    var count = checked((int)item.Master.numel());
                    group.Narrow[i] = KernelArgument.Of(item.Narrow);
                    group.Master[i] = KernelArgument.Of(item.Master);
                    group.Gradient[i] = KernelArgument.Of(item.Gradient);
                    group.First[i] = KernelArgument.Of(item.First);
                    group.Second[i] = KernelArgument.Of(item.Second);
                    group.Average[i] = KernelArgument.Of(item.Average);
                    group.Elements[i] = count;
                    group.Start[i] = blocks;
                    group.Place[i] = item.Place;
                    blocks += (count + span - 1) / span;
                }

                group.Number = part.Length;
                group.Wide = kind.Key == ScalarType.Float32 ? 1 : 0;
                group.Span = span;
                group.NarrowMoments = options.Moments == Precision.BFloat16 ? 1 : 0;
                Fused.Library.Launch(
                    "adamw",
                    (blocks, 1),
                    (Threads, 1),
                    new ReadOnlySpan<byte>(&group, sizeof(Group)),
                    KernelArgument.Of(counts),
                    KernelArgument.Of(rate),
                    KernelArgument.Of(norm),
                    KernelArgument.Of(share),
                    unchecked((long)options.Seed),
                    KernelArgument.Of(limit),
                    KernelArgument.Of(options.Beta1),
                    KernelArgument.Of(options.Beta2),
                    KernelArgument.Of(options.WeightDecay),
                    KernelArgument.Of(options.Epsilon));
            }
        }
    }

    /// <summary>As the kernel lays it out.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Group
    {
        public fixed long Narrow[Tensors];
        public fixed long Master[Tensors];
        public fixed long Gradient[Tensors];
        public fixed long First[Tensors];
        public fixed long Second[Tensors];
        public fixed long Average[Tensors];
        public fixed int Elements[Tensors];
        public fixed int Start[Tensors];
        public fixed int Place[Tensors];
        public int Number;
        public int Wide;
        public int NarrowMoments;
        public int Span;
    }
}

/// <summary>The tensors of one parameter.</summary>
/// <param name="Place">The parameter's place among all that are trained.</param>
/// <param name="Narrow">The bfloat16 weight; null where the master is the weight.</param>
/// <param name="Master">The float32 weight.</param>
/// <param name="Gradient">Bfloat16 or float32, laid out like the weight; null to follow with the average alone.</param>
/// <param name="First">First moment, of the type that the options say.</param>
/// <param name="Second">Second moment, likewise.</param>
/// <param name="Average">The running average, float32, laid out like the weight; null for none.</param>
internal readonly record struct AdamWTensors(
    int Place, Tensor? Narrow, Tensor Master, Tensor? Gradient, Tensor First, Tensor Second, Tensor? Average);
