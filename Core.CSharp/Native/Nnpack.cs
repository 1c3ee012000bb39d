using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>
/// Switches libtorch's NNPACK off. On processors it does not know, libtorch tries it anew at every small convolution
/// and prints a warning each time; where it works, it would make results depend on the processor for little gain.
/// </summary>
internal static unsafe class Nnpack
{
    // at::globalContext() and at::Context::setUserEnabledNNPACK(bool), as GCC and Clang name them.
    private const string Context = "_ZN2at13globalContextEv";
    private const string Enable = "_ZN2at7Context20setUserEnabledNNPACKEb";

    /// <summary>Does nothing where this libtorch has no such functions, as on Windows.</summary>
    public static void SwitchOff(IntPtr torchCpu)
    {
        if (NativeLibrary.TryGetExport(torchCpu, Context, out var context)
            && NativeLibrary.TryGetExport(torchCpu, Enable, out var enable))
        {
            ((delegate* unmanaged<IntPtr, byte, void>)enable)(((delegate* unmanaged<IntPtr>)context)(), 0);
        }
    }
}
