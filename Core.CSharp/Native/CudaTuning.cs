using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>Settings of libtorch's CUDA side that TorchSharp does not bind, reached through libtorch's exported symbols.</summary>
public static unsafe class CudaTuning
{
    // at::globalContext() and at::Context::setBenchmarkCuDNN(bool), as the Itanium C++ ABI names them.
    private const string Context = "_ZN2at13globalContextEv";
    private const string Benchmark = "_ZN2at7Context17setBenchmarkCuDNNEb";

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
}
