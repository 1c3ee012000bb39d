using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Recipes.Core.Native;

/// <summary>Bytes that libtorch holds on a device.</summary>
/// <param name="Allocated">In tensors now.</param>
/// <param name="PeakAllocated">
/// The most in tensors since the last reset; memory inside recorded graphs does not count.
/// </param>
/// <param name="PeakReserved">The most taken from the device, for tensors, recorded graphs and reuse.</param>
public sealed record DeviceMemoryUse(long Allocated, long PeakAllocated, long PeakReserved);

/// <summary>
/// What libtorch's allocator on the CUDA device says of itself. It is a C++ object behind an exported pointer, whose
/// virtual functions are called by their position; so only versions whose positions are known are asked.
/// </summary>
public static unsafe class DeviceMemory
{
    private const string Allocator = "_ZN3c104cuda20CUDACachingAllocator9allocatorE";

    // Positions in c10::DeviceAllocator's table, after c10::Allocator's six.
    private const int EmptyCache = 7;
    private const int GetStatistics = 9;
    private const int ResetPeak = 11;

    // Positions, in numbers of eight bytes, in c10::CachingDeviceAllocator::DeviceStats.
    private const int AllocatedBytes = 48;
    private const int ReservedBytes = 60;
    private const int Room = 8192;

    private static readonly string[] Known = ["2.11"];

    /// <summary>Whether this libtorch can be asked.</summary>
    public static bool Available => Object() != IntPtr.Zero;

    /// <summary>What is held on the first device; null where libtorch cannot be asked.</summary>
    public static DeviceMemoryUse? Read()
    {
        var allocator = Object();
        if (allocator == IntPtr.Zero)
        {
            return null;
        }

        var statistics = stackalloc long[Room / sizeof(long)];
        var read = (delegate* unmanaged<long*, IntPtr, sbyte, long*>)Function(allocator, GetStatistics);
        _ = read(statistics, allocator, 0);
        return new DeviceMemoryUse(
            statistics[AllocatedBytes], statistics[AllocatedBytes + 1], statistics[ReservedBytes + 1]);
    }

    /// <summary>Starts the peaks anew from what is held now.</summary>
    public static void ResetPeaks()
    {
        var allocator = Object();
        if (allocator != IntPtr.Zero)
        {
            ((delegate* unmanaged<IntPtr, sbyte, void>)Function(allocator, ResetPeak))(allocator, 0);
        }
    }

    /// <summary>Gives memory that no tensor uses back to the device.</summary>
    public static void Trim()
    {
        var allocator = Object();
        if (allocator != IntPtr.Zero)
        {
            ((delegate* unmanaged<IntPtr, long, long, void>)Function(allocator, EmptyCache))(allocator, 0, 0);
        }
    }

    private static IntPtr Object()
    {
        if (!OperatingSystem.IsLinux() || !cuda_is_available())
        {
            return IntPtr.Zero;
        }

        var loaded = Loader.Load();
        return Known.Any(version => loaded.Version.StartsWith(version, StringComparison.Ordinal))
            && NativeLibrary.TryGetExport(loaded.Part("c10_cuda"), Allocator, out var pointer)
                ? *(IntPtr*)pointer
                : IntPtr.Zero;
    }

    private static IntPtr Function(IntPtr allocator, int position) => (*(IntPtr**)allocator)[position];
}
