using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>Settings of libtorch's CUDA side that TorchSharp does not bind, reached through libtorch's exported symbols.</summary>
public static unsafe class CudaTuning
{
    // at::globalContext() and at::Context::setBenchmarkCuDNN(bool), as the Itanium C++ ABI names them.
    private const string Context = "_ZN2at13globalContextEv";
    private const string Benchmark = "_ZN2at7Context17setBenchmarkCuDNNEb";

    // at::Context::setSDPPriorityOrder(const std::vector<long>&)
    private const string AttentionOrder = "_ZN2at7Context19setSDPPriorityOrderERKSt6vectorIlSaIlEE";

    /// <summary>
    /// Lets cuDNN time its convolution algorithms once a shape and keep the fastest: worth it where shapes stay the same.
    /// </summary>
    /// <returns>False where this libtorch does not export the setting; nothing changes then.</returns>
    public static bool BenchmarkConvolutions()
    {
        var folder = LibTorch.Load().Folder;
        var library = NativeLibrary.Load(Path.Combine(folder, Places.FileName("torch_cpu")));
        if (!NativeLibrary.TryGetExport(library, Context, out var context)
            || !NativeLibrary.TryGetExport(library, Benchmark, out var benchmark))
        {
            return false;
        }

        ((delegate* unmanaged<IntPtr, byte, void>)benchmark)(((delegate* unmanaged<IntPtr>)context)(), 1);
        return true;
    }

    /// <summary>
    /// Lets cuDNN compute attention wherever it can. On Hopper it takes little more than half of the time of the
    /// kernels that libtorch prefers by itself.
    /// </summary>
    /// <returns>False where this libtorch does not export the setting; nothing changes then.</returns>
    public static bool PreferCudnnAttention()
    {
        var folder = LibTorch.Load().Folder;
        var library = NativeLibrary.Load(Path.Combine(folder, Places.FileName("torch_cpu")));
        if (!NativeLibrary.TryGetExport(library, Context, out var context)
            || !NativeLibrary.TryGetExport(library, AttentionOrder, out var order))
        {
            return false;
        }

        // A std::vector<int64_t>, which the function copies from: begin, end, end of storage.
        // libtorch's numbers of cuDNN, flash, memory-efficient, plain and overridden attention.
        var backends = stackalloc long[] { 3, 1, 2, 0, 4 };
        var vector = stackalloc IntPtr[] { (IntPtr)backends, (IntPtr)(backends + 5), (IntPtr)(backends + 5) };
        ((delegate* unmanaged<IntPtr, IntPtr*, void>)order)(((delegate* unmanaged<IntPtr>)context)(), vector);
        return true;
    }
}
