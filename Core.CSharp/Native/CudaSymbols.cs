using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>A stream of work on a CUDA device, as libtorch hands it over: by value, in two registers.</summary>
/// <param name="Place">Device index and type.</param>
/// <param name="Id">libtorch's number of the stream.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct CudaStream(long Place, long Id);

/// <summary>
/// The functions of libtorch's CUDA side that TorchSharp does not bind, found by their Itanium C++ names. The names
/// may change between versions: all of them are looked up before the first is called.
/// </summary>
internal sealed unsafe class CudaSymbols
{
    private static readonly Lazy<(CudaSymbols? Symbols, string Reason)> Found = new(Find);

    private CudaSymbols(IReadOnlyDictionary<string, IntPtr> addresses)
    {
        StreamFromPool = (delegate* unmanaged<int, sbyte, CudaStream>)addresses[nameof(StreamFromPool)];
        UseStream = (delegate* unmanaged<CudaStream, void>)addresses[nameof(UseStream)];
        CurrentStream = (delegate* unmanaged<sbyte, CudaStream>)addresses[nameof(CurrentStream)];
        RawStream = (delegate* unmanaged<CudaStream*, IntPtr>)addresses[nameof(RawStream)];
        Create = (delegate* unmanaged<IntPtr, byte, void>)addresses[nameof(Create)];
        Destroy = (delegate* unmanaged<IntPtr, void>)addresses[nameof(Destroy)];
        Begin = (delegate* unmanaged<IntPtr, ulong, ulong, int, void>)addresses[nameof(Begin)];
        End = (delegate* unmanaged<IntPtr, void>)addresses[nameof(End)];
        Replay = (delegate* unmanaged<IntPtr, void>)addresses[nameof(Replay)];
        RawGraph = (delegate* unmanaged<IntPtr, IntPtr>)addresses.GetValueOrDefault(nameof(RawGraph));
        ClearWorkspaces = (delegate* unmanaged<void>)addresses.GetValueOrDefault(nameof(ClearWorkspaces));
        Pool = (delegate* unmanaged<IntPtr, CudaStream>)addresses[nameof(Pool)];
    }

    /// <summary>c10::cuda::getStreamFromPool(priority, device).</summary>
    public delegate* unmanaged<int, sbyte, CudaStream> StreamFromPool { get; }

    /// <summary>c10::cuda::setCurrentCUDAStream(stream).</summary>
    public delegate* unmanaged<CudaStream, void> UseStream { get; }

    /// <summary>c10::cuda::getCurrentCUDAStream(device).</summary>
    public delegate* unmanaged<sbyte, CudaStream> CurrentStream { get; }

    /// <summary>c10::cuda::CUDAStream::stream(), CUDA's own handle.</summary>
    public delegate* unmanaged<CudaStream*, IntPtr> RawStream { get; }

    /// <summary>The constructor of at::cuda::CUDAGraph(keep_graph).</summary>
    public delegate* unmanaged<IntPtr, byte, void> Create { get; }

    /// <summary>The destructor of at::cuda::CUDAGraph.</summary>
    public delegate* unmanaged<IntPtr, void> Destroy { get; }

    /// <summary>at::cuda::CUDAGraph::capture_begin(pool, mode).</summary>
    public delegate* unmanaged<IntPtr, ulong, ulong, int, void> Begin { get; }

    /// <summary>at::cuda::CUDAGraph::capture_end().</summary>
    public delegate* unmanaged<IntPtr, void> End { get; }

    /// <summary>at::cuda::CUDAGraph::replay().</summary>
    public delegate* unmanaged<IntPtr, void> Replay { get; }

    /// <summary>
    /// at::cuda::CUDAGraph::raw_cuda_graph(), CUDA's own handle of a graph that is kept; null in a libtorch that lacks it.
    /// </summary>
    public delegate* unmanaged<IntPtr, IntPtr> RawGraph { get; }

    /// <summary>
    /// at::cuda::clearCublasWorkspaces(), of all streams; null in a libtorch that lacks it.
    /// </summary>
    public delegate* unmanaged<void> ClearWorkspaces { get; }

    /// <summary>at::cuda::CUDAGraph::pool(), a pair of numbers.</summary>
    public delegate* unmanaged<IntPtr, CudaStream> Pool { get; }

    /// <summary>The functions; null where one is missing.</summary>
    public static CudaSymbols? Instance => Found.Value.Symbols;

    /// <summary>Why there are none: a sentence's end for a note to the user.</summary>
    public static string Reason => Found.Value.Reason;

    /// <summary>What recording can do without, by the member that holds it; all of torch_cuda.</summary>
    private static readonly (string Member, string Symbol)[] Optional =
    [
        (nameof(RawGraph), "_ZN2at4cuda9CUDAGraph14raw_cuda_graphEv"),
        (nameof(ClearWorkspaces), "_ZN2at4cuda21clearCublasWorkspacesEv"),
    ];

    /// <summary>What is looked up, by library and the member that holds it.</summary>
    internal static IReadOnlyList<(string Library, string Member, string Symbol)> Wanted { get; } =
    [
        ("c10_cuda", nameof(StreamFromPool), "_ZN3c104cuda17getStreamFromPoolEia"),
        ("c10_cuda", nameof(UseStream), "_ZN3c104cuda20setCurrentCUDAStreamENS0_10CUDAStreamE"),
        ("c10_cuda", nameof(CurrentStream), "_ZN3c104cuda20getCurrentCUDAStreamEa"),
        ("c10_cuda", nameof(RawStream), "_ZNK3c104cuda10CUDAStream6streamEv"),
        ("torch_cuda", nameof(Create), "_ZN2at4cuda9CUDAGraphC1Eb"),
        ("torch_cuda", nameof(Destroy), "_ZN2at4cuda9CUDAGraphD1Ev"),
        ("torch_cuda", nameof(Begin), "_ZN2at4cuda9CUDAGraph13capture_beginESt4pairIyyE21cudaStreamCaptureMode"),
        ("torch_cuda", nameof(End), "_ZN2at4cuda9CUDAGraph11capture_endEv"),
        ("torch_cuda", nameof(Replay), "_ZN2at4cuda9CUDAGraph6replayEv"),
        ("torch_cuda", nameof(Pool), "_ZN2at4cuda9CUDAGraph4poolEv"),
    ];

    private static (CudaSymbols?, string) Find()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            return (null, "only 64-bit Linux on x86 processors passes streams as they are passed here");
        }

        var loaded = Loader.Load();
        var addresses = new Dictionary<string, IntPtr>();
        foreach (var (library, member, symbol) in Wanted)
        {
            var part = loaded.Part(library);
            if (part == IntPtr.Zero)
            {
                return (null, $"this libtorch, {loaded.Version}, has no CUDA part ({Places.FileName(library)})");
            }

            if (!NativeLibrary.TryGetExport(part, symbol, out var address))
            {
                return (null, $"this libtorch, {loaded.Version}, does not export {symbol}");
            }

            addresses.Add(member, address);
        }

        foreach (var (member, symbol) in Optional)
        {
            if (NativeLibrary.TryGetExport(loaded.Part("torch_cuda"), symbol, out var address))
            {
                addresses.Add(member, address);
            }
        }

        return (new CudaSymbols(addresses), "");
    }
}
