using System.Runtime.InteropServices;
using Recipes.Core.Kernels;
using static TorchSharp.torch;

namespace Recipes.Core.Native;

/// <summary>
/// Work on a CUDA device that is recorded once and replayed as a whole, without the host's time for each operation.
/// The recorded operations read and write the very memory they were recorded with: inputs are copied into tensors made
/// before, outputs stay where the recording put them.
/// </summary>
public sealed unsafe class CudaGraph : IDisposable
{
    /// <summary>What its errors are about.</summary>
    private const string Name = "CUDA graph";

    // Larger than at::cuda::CUDAGraph of any known version, which the constructor fills in place.
    private const int Room = 4096;

    // cudaStreamCaptureModeRelaxed: other threads, such as the one that runs backward, may allocate meanwhile.
    private const int Relaxed = 2;

    private static readonly Lock Gate = new();
    private static CudaStream? side;

    private readonly CudaSymbols symbols;
    private IntPtr graph;

    private CudaGraph(CudaSymbols symbols)
    {
        this.symbols = symbols;
        graph = (IntPtr)NativeMemory.AlignedAlloc(Room, 64);
        NativeMemory.Clear((void*)graph, Room);
        symbols.Create(graph, CanEdit(symbols) ? (byte)1 : (byte)0);
    }

    /// <summary>Whether graphs can be recorded here.</summary>
    public static bool Available => cuda_is_available() && CudaSymbols.Instance is not null;

    /// <summary>Whether work could not be recorded, so that it can be run as usual instead.</summary>
    internal static bool Refuses(Exception error) =>
        error is ExternalException or RecipesException { Where: Name };

    /// <summary>Why not, in one line; empty where they can.</summary>
    public static string Reason => !cuda_is_available() ? "there is no CUDA device" : CudaSymbols.Reason;

    /// <summary>
    /// Runs work a few times on a stream of its own, so that libraries choose their kernels and memory is at hand, and
    /// then records it.
    /// </summary>
    /// <param name="work">
    /// Enqueues operations on CUDA tensors; must not wait for the device, and must free what it makes, but for its
    /// results. Called once more than <paramref name="warmUps"/> says.
    /// </param>
    /// <param name="warmUps">Runs before recording.</param>
    /// <param name="share">A graph never replayed at the same time as this one, whose memory is used again.</param>
    /// <exception cref="RecipesException">Graphs cannot be recorded here, or the work cannot be.</exception>
    public static CudaGraph Record(Action work, int warmUps = 3, CudaGraph? share = null) =>
        Record(work, work, warmUps, share);

    /// <summary>Warms up by other work than is recorded, such as all of it but its lasting effects.</summary>
    /// <inheritdoc cref="Record(Action, int, CudaGraph?)"/>
    public static CudaGraph Record(Action work, Action warmUp, int warmUps, CudaGraph? share = null)
    {
        var symbols = CudaSymbols.Instance is { } found && cuda_is_available()
            ? found
            : throw new RecipesException(Name, Reason, "Run without graphs.");
        for (var i = 0; i < warmUps; i++)
        {
            OnSideStream(symbols, warmUp);
        }

        var recorded = new CudaGraph(symbols);
        try
        {
            OnSideStream(symbols, () => recorded.Alone(() => recorded.Capture(work, share)));
            recorded.Edit();
            return recorded;
        }
        catch
        {
            recorded.Dispose();
            throw;
        }
    }

    /// <summary>How many fills of memory became kernels; see <see cref="GraphFills"/>.</summary>
    internal int Fills { get; private set; }

    /// <summary>Enqueues all that was recorded; does not wait for it.</summary>
    public void Replay()
    {
        ObjectDisposedException.ThrowIf(graph == IntPtr.Zero, this);
        symbols.Replay(graph);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (graph != IntPtr.Zero)
        {
            cuda.synchronize();
            symbols.Destroy(graph);
            NativeMemory.AlignedFree((void*)graph);
            graph = IntPtr.Zero;
        }
    }

    /// <summary>
    /// Records with memory of the graph's own: what the warm-ups took, cuBLAS's workspaces included, would lie beside it,
    /// unused. The workspace that the recording takes stays the graph's: nothing else is given it afterwards.
    /// </summary>
    private void Alone(Action record)
    {
        Release();
        try
        {
            record();
        }
        finally
        {
            Release();
        }

        void Release()
        {
            if (symbols.ClearWorkspaces != null)
            {
                symbols.ClearWorkspaces();
            }

            DeviceMemory.Trim();
        }
    }

    /// <summary>Whether graphs are kept as recorded until their first replay, so that they can be changed.</summary>
    private static bool CanEdit(CudaSymbols symbols) => symbols.RawGraph != null && KernelLibrary.Instance is not null;

    private void Edit()
    {
        if (CanEdit(symbols))
        {
            Fills = GraphFills.Replace(symbols.RawGraph(graph), KernelLibrary.Instance!.Kernel("fill"));
        }
    }

    private void Capture(Action work, CudaGraph? share)
    {
        var pool = share is null ? default : symbols.Pool(share.graph);
        var failed = true;
        symbols.Begin(graph, (ulong)pool.Place, (ulong)pool.Id, Relaxed);
        try
        {
            work();
            failed = false;
        }
        finally
        {
            // Ends the recording in any case: a stream that stays in it refuses all later work.
            var stream = symbols.CurrentStream(-1);
            var givenUp = CaptureRepair.Mend(symbols.RawStream(&stream));
            symbols.End(graph);
            if (givenUp && !failed)
            {
                throw new RecipesException(
                    Name, "CUDA gave the recording up, by no fault of an operation's", "Run without graphs.");
            }
        }
    }

    /// <summary>
    /// Runs work on the side stream, ordered after what was enqueued before and before what comes after.
    /// </summary>
    private static void OnSideStream(CudaSymbols symbols, Action work)
    {
        lock (Gate)
        {
            var stream = side ??= symbols.StreamFromPool(0, -1);
            var before = symbols.CurrentStream(-1);
            cuda.synchronize();
            symbols.UseStream(stream);
            try
            {
                work();
            }
            finally
            {
                symbols.UseStream(before);
                cuda.synchronize();
            }
        }
    }
}
