using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>Whether this project's kernels, rather than libtorch's operations, compute on a tensor.</summary>
public static class Fused
{
    /// <summary>What is computed in, where kernels are used.</summary>
    internal const ScalarType Type = ScalarType.BFloat16;

    /// <summary>Switches the kernels of this thread's process off and on, for comparisons.</summary>
    public static bool Enabled { get; set; } = true;

    /// <summary>Whether there are kernels here.</summary>
    public static bool Available => KernelLibrary.Instance is not null;

    /// <summary>Why not, in one line; empty where there are.</summary>
    public static string Reason => KernelLibrary.Reason;

    /// <summary>Whether kernels take this tensor: bfloat16 on a CUDA device, channels a multiple of eight.</summary>
    internal static bool Takes(Tensor tensor, long channels) =>
        tensor.dtype == Type
        && tensor.device_type == DeviceType.CUDA
        && channels % 8 == 0
        && Enabled
        && Available;

    /// <summary>The kernels, after <see cref="Takes"/>.</summary>
    internal static KernelLibrary Library => KernelLibrary.Instance!;
}
