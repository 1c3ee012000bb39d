using System.Runtime.InteropServices;
using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>What is handed to a kernel: eight bytes for each argument.</summary>
internal static unsafe class KernelArgument
{
    private static readonly Lazy<IntPtr> Data =
        new(() => NativeLibrary.GetExport(Loader.Load().Handle, "THSTensor_data"));

    /// <summary>The address of a tensor's first element; 0 for none.</summary>
    public static long Of(Tensor? tensor) =>
        tensor is null ? 0 : (long)((delegate* unmanaged<IntPtr, IntPtr>)Data.Value)(tensor.Handle);

    /// <summary>A number in single precision.</summary>
    public static long Of(double number) => BitConverter.SingleToUInt32Bits((float)number);

    /// <summary>A number in double precision.</summary>
    public static long Exact(double number) => BitConverter.DoubleToInt64Bits(number);
}
