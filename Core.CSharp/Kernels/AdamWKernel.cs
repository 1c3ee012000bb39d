using Recipes.Core.Training;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>One step of AdamW over many tensors: clipping, update and conversion in one pass over memory.</summary>
internal static class AdamWKernel
{
    /// <summary>Tensors of a launch, as the kernel's source says.</summary>
    internal const int Room = 64;

    /// <summary>Tensors remembered of each parameter, likewise.</summary>
    internal const int States = 2;

    /// <summary>Updates all tensors.</summary>
    /// <param name="tensors">What is updated; states are the first and second moment, of the type that the options say.</param>
    /// <param name="counts">Number of each parameter's step, from 1; float32 on the device.</param>
    /// <param name="rate">Float32 scalar on the device.</param>
    /// <param name="norm">The gradients' joint norm, float32 scalar on the device; null for no clipping.</param>
    /// <param name="limit">Greatest norm.</param>
    /// <param name="share">By how much averages follow the weights, float32 scalar on the device; null for none.</param>
    /// <param name="options">The rest.</param>
    public static void Step(
        IReadOnlyList<TrainedTensors> tensors,
        Tensor counts,
        Tensor rate,
        Tensor? norm,
        double limit,
        Tensor? share,
        AdamWOptions options)
    {
        foreach (var group in TensorGroup.Split(tensors, Room))
        {
            Fused.Library.Launch(
                "adamw",
                (group.Blocks, 1),
                (TensorGroup.Threads, 1),
                group.Pack(Room, States, options.Moments == Precision.BFloat16),
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
