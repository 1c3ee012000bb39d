using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>
/// Takes a stream out of a recording that CUDA has given up, as after an operation that waits for the device. libtorch's
/// own end of such a recording throws through C#, which ends the process; its end of an empty one does not, and leaves
/// its allocator in order.
/// </summary>
internal static unsafe class CaptureRepair
{
    // CU_STREAM_CAPTURE_STATUS_INVALIDATED, CU_STREAM_CAPTURE_MODE_RELAXED
    private const int Invalidated = 2;
    private const int Relaxed = 2;

    /// <summary>Puts an empty recording in the place of one that was given up.</summary>
    /// <param name="stream">CUDA's handle.</param>
    /// <returns>Whether it had been given up.</returns>
    public static bool Mend(IntPtr stream)
    {
        if (CudaDriver.Library == IntPtr.Zero)
        {
            return false;
        }

        var ask = (delegate* unmanaged<IntPtr, int*, int>)Export("cuStreamIsCapturing");
        int status;
        if (ask(stream, &status) != 0 || status != Invalidated)
        {
            return false;
        }

        var end = (delegate* unmanaged<IntPtr, IntPtr*, int>)Export("cuStreamEndCapture");
        var begin = (delegate* unmanaged<IntPtr, int, int>)Export("cuStreamBeginCapture_v2");
        IntPtr none;

        // Answers that the recording was given up, and frees the stream of it.
        _ = end(stream, &none);
        var code = begin(stream, Relaxed);
        return code == 0
            ? true
            : throw new InvalidOperationException($"cuStreamBeginCapture failed with error {code}");
    }

    private static IntPtr Export(string name) => NativeLibrary.GetExport(CudaDriver.Library, name);
}
