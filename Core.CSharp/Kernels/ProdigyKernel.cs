using Recipes.Core.Training;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>
/// One step of Prodigy over many tensors: <see cref="Gather"/> over those with gradients, then <see cref="Estimate"/>,
/// then <see cref="Move"/>. Nothing is read by the host.
/// </summary>
internal static class ProdigyKernel
{
    /// <summary>Tensors of a launch of <see cref="Gather"/>, as the kernel's source says.</summary>
    internal const int GatherRoom = 48;

    /// <summary>Tensors remembered of each parameter that it takes, likewise.</summary>
    internal const int GatherStates = 4;

    /// <summary>The same of <see cref="Move"/>.</summary>
    internal const int MoveRoom = 64;

    /// <summary>Likewise.</summary>
    internal const int MoveStates = 2;

    private const int SumsOfBlock = 2;

    /// <summary>Takes the gradients into the moments, and sums what the estimate is made of.</summary>
    /// <param name="tensors">What has a gradient; states are the first weights, both moments and the weighted sums.</param>
    /// <param name="numbers">See <see cref="ProdigyNumbers"/>.</param>
    /// <param name="rate">Float64 scalar on the device.</param>
    /// <param name="norm">The gradients' joint norm, float32 scalar on the device; null for no clipping.</param>
    /// <param name="limit">Greatest norm.</param>
    /// <param name="options">The rest.</param>
    /// <returns>Two sums of each block, float64 [blocks, 2]; what they are where the rate is 0 says nothing.</returns>
    public static Tensor Gather(
        IReadOnlyList<TrainedTensors> tensors,
        Tensor numbers,
        Tensor rate,
        Tensor? norm,
        double limit,
        ProdigyOptions options)
    {
        TensorGroup[] groups = [.. TensorGroup.Split(tensors, GatherRoom)];
        var sums = empty([groups.Sum(group => group.Blocks), SumsOfBlock], ScalarType.Float64, numbers.device);
        var before = 0;
        foreach (var group in groups)
        {
            Fused.Library.Launch(
                "prodigy_gather",
                (group.Blocks, 1),
                (TensorGroup.Threads, 1),
                group.Pack(GatherRoom, GatherStates),
                KernelArgument.Of(numbers),
                KernelArgument.Of(rate),
                KernelArgument.Of(norm),
                KernelArgument.Of(sums),
                before,
                KernelArgument.Of(limit),
                KernelArgument.Exact(options.Beta1),
                KernelArgument.Exact(options.Beta2),
                KernelArgument.Exact(options.FirstDistance),
                options.BiasCorrection ? 1 : 0,
                options.SafeguardWarmUp ? 1 : 0);
            before += group.Blocks;
        }

        return sums;
    }

    /// <summary>Estimates the distance anew, counts the step, and says what it is.</summary>
    /// <param name="numbers">See <see cref="ProdigyNumbers"/>; changed.</param>
    /// <param name="rate">Float64 scalar on the device.</param>
    /// <param name="sums">From <see cref="Gather"/>.</param>
    /// <param name="figure">Where the distance is written to be reported, float32.</param>
    /// <param name="options">The rest.</param>
    public static void Estimate(Tensor numbers, Tensor rate, Tensor sums, Tensor figure, ProdigyOptions options) =>
        Fused.Library.Launch(
            "prodigy_estimate",
            (1, 1),
            (TensorGroup.Threads, 1),
            0,
            KernelArgument.Of(numbers),
            KernelArgument.Of(rate),
            KernelArgument.Of(sums),
            sums.shape[0],
            KernelArgument.Of(figure),
            KernelArgument.Exact(options.Beta1),
            KernelArgument.Exact(options.Beta2),
            KernelArgument.Exact(options.FirstDistance),
            KernelArgument.Exact(options.DistanceFactor),
            options.BiasCorrection ? 1 : 0);

    /// <summary>Moves the weights, and averages towards them.</summary>
    /// <param name="tensors">All that is moved or followed; states are both moments.</param>
    /// <param name="numbers">See <see cref="ProdigyNumbers"/>.</param>
    /// <param name="share">By how much averages follow the weights, float32 scalar on the device; null for none.</param>
    /// <param name="options">The rest.</param>
    public static void Move(
        IReadOnlyList<TrainedTensors> tensors, Tensor numbers, Tensor? share, ProdigyOptions options)
    {
        foreach (var group in TensorGroup.Split(tensors, MoveRoom))
        {
            Fused.Library.Launch(
                "prodigy_move",
                (group.Blocks, 1),
                (TensorGroup.Threads, 1),
                group.Pack(MoveRoom, MoveStates),
                KernelArgument.Of(numbers),
                KernelArgument.Of(share),
                KernelArgument.Exact(options.WeightDecay),
                KernelArgument.Exact(options.Epsilon));
        }
    }
}
