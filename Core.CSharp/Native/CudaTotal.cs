using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>The memory of NVIDIA GPUs, asked of their driver alone: without libtorch, and without starting work.</summary>
public static unsafe class CudaTotal
{
    /// <summary>All bytes of a device; null where there is no driver or no such device.</summary>
    /// <param name="index">Counted as CUDA counts them, from 0.</param>
    public static long? Bytes(int index)
    {
        var library = CudaDriver.Library;
        if (library == IntPtr.Zero
            || !NativeLibrary.TryGetExport(library, "cuInit", out var start)
            || !NativeLibrary.TryGetExport(library, "cuDeviceGet", out var find)
            || !NativeLibrary.TryGetExport(library, "cuDeviceTotalMem_v2", out var measure))
        {
            return null;
        }

        int device;
        nuint bytes;
        return ((delegate* unmanaged<uint, int>)start)(0) == 0
            && ((delegate* unmanaged<int*, int, int>)find)(&device, index) == 0
            && ((delegate* unmanaged<nuint*, int, int>)measure)(&bytes, device) == 0
                ? (long)bytes
                : null;
    }
}
