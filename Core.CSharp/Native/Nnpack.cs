using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>
/// Turns NNPACK off, one of libtorch's libraries for convolutions on the CPU. It runs on some processors only, tries
/// again and writes a warning at every convolution on the others, and makes results differ between the two.
/// </summary>
internal static unsafe class Nnpack
{
    /// <param name="torchCpu">The handle of torch_cpu. Where it lacks these functions nothing changes.</param>
    public static void TurnOff(IntPtr torchCpu)
    {
        // at::Context& at::globalContext() and void at::Context::setUserEnabledNNPACK(bool).
        if (NativeLibrary.TryGetExport(torchCpu, "_ZN2at13globalContextEv", out var context)
            && NativeLibrary.TryGetExport(torchCpu, "_ZN2at7Context20setUserEnabledNNPACKEb", out var set))
        {
            ((delegate* unmanaged<IntPtr, byte, void>)set)(((delegate* unmanaged<IntPtr>)context)(), 0);
        }
    }
}
