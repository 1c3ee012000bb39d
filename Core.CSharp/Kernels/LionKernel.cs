using Recipes.Core.Training;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>One step of Lion over many tensors: clipping, update and conversion in one pass over memory.</summary>
internal static class LionKernel
{
    /// <summary>Tensors of a launch, as the kernel's source says.</summary>
    internal const int Room = 64;

    /// <summary>Tensors remembered of each parameter, likewise.</summary>
    internal const int States = 1;

    /// <summary>Updates all tensors.</summary>
    /// <param name="tensors">What is updated; the state is the momentum, float32.</param>
    /// <param name="rate">Float64 scalar on the device.</param>
    /// <param name="norm">The gradients' joint norm, float32 scalar on the device; null for no clipping.</param>
    /// <param name="limit">Greatest norm.</param>
    /// <param name="share">By how much averages follow the weights, float32 scalar on the device; null for none.</param>
    /// <param name="options">The rest.</param>
    public static void Step(
        IReadOnlyList<TrainedTensors> tensors,
        Tensor rate,
        Tensor? norm,
        double limit,
        Tensor? share,
        LionOptions options)
    {
        foreach (var group in TensorGroup.Split(tensors, Room))
        {
            Fused.Library.Launch(
                "lion",
                (group.Blocks, 1),
                (TensorGroup.Threads, 1),
                group.Pack(Room, States),
                KernelArgument.Of(rate),
                KernelArgument.Of(norm),
                KernelArgument.Of(share),
                KernelArgument.Of(limit),
                KernelArgument.Exact(options.Beta1),
                KernelArgument.Exact(options.Beta2),
                KernelArgument.Exact(options.WeightDecay));
        }
    }
}
