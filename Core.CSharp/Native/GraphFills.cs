using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>
/// Turns the memory fills of a recorded graph into kernels. cuDNN's attention fills four bytes before each kernel; on an
/// H100 what follows such a node of a graph begins 5 µs later than after a kernel, which fills as well.
/// </summary>
internal sealed unsafe class GraphFills
{
    // CU_GRAPH_NODE_TYPE_MEMSET
    private const int Memset = 2;

    private const int Threads = 256;
    private const int MostBlocks = 1024;
    private const long MostBytes = 1 << 20;

    // Nodes before or after one.
    private const int Room = 64;

    private static readonly Lazy<GraphFills?> Found = new(() => CudaDriver.Library == IntPtr.Zero ? null : new GraphFills(CudaDriver.Library));

    private readonly delegate* unmanaged<IntPtr, IntPtr*, nuint*, int> nodes;
    private readonly delegate* unmanaged<IntPtr, int*, int> type;
    private readonly delegate* unmanaged<IntPtr, Fill*, int> read;
    private readonly delegate* unmanaged<IntPtr, IntPtr*, nuint*, int> before;
    private readonly delegate* unmanaged<IntPtr, IntPtr*, nuint*, int> after;
    private readonly delegate* unmanaged<IntPtr*, IntPtr, IntPtr*, nuint, Kernel*, int> add;
    private readonly delegate* unmanaged<IntPtr, IntPtr*, IntPtr*, nuint, int> link;
    private readonly delegate* unmanaged<IntPtr, int> destroy;

    private GraphFills(IntPtr library)
    {
        nodes = (delegate* unmanaged<IntPtr, IntPtr*, nuint*, int>)Export("cuGraphGetNodes");
        type = (delegate* unmanaged<IntPtr, int*, int>)Export("cuGraphNodeGetType");
        read = (delegate* unmanaged<IntPtr, Fill*, int>)Export("cuGraphMemsetNodeGetParams");
        before = (delegate* unmanaged<IntPtr, IntPtr*, nuint*, int>)Export("cuGraphNodeGetDependencies");
        after = (delegate* unmanaged<IntPtr, IntPtr*, nuint*, int>)Export("cuGraphNodeGetDependentNodes");
        add = (delegate* unmanaged<IntPtr*, IntPtr, IntPtr*, nuint, Kernel*, int>)Export("cuGraphAddKernelNode");
        link = (delegate* unmanaged<IntPtr, IntPtr*, IntPtr*, nuint, int>)Export("cuGraphAddDependencies");
        destroy = (delegate* unmanaged<IntPtr, int>)Export("cuGraphDestroyNode");

        IntPtr Export(string name) => NativeLibrary.GetExport(library, name);
    }

    /// <summary>Replaces what it can; a fill that is not understood stays as it is.</summary>
    /// <param name="graph">CUDA's handle, not yet instantiated.</param>
    /// <param name="kernel">The kernel "fill" of this program's.</param>
    /// <returns>How many were replaced.</returns>
    public static int Replace(IntPtr graph, IntPtr kernel) => Found.Value?.ReplaceAll(graph, kernel) ?? 0;

    private int ReplaceAll(IntPtr graph, IntPtr kernel)
    {
        nuint count = 0;
        if (nodes(graph, null, &count) != 0)
        {
            return 0;
        }

        var all = new IntPtr[(int)count];
        fixed (IntPtr* to = all)
        {
            if (nodes(graph, to, &count) != 0)
            {
                return 0;
            }
        }

        var replaced = 0;
        foreach (var node in all)
        {
            int kind;
            Fill fill;
            if (type(node, &kind) == 0
                && kind == Memset
                && read(node, &fill) == 0
                && fill.Height <= 1
                && fill.Width * fill.Size <= MostBytes
                && ReplaceOne(graph, node, fill, kernel))
            {
                replaced++;
            }
        }

        return replaced;
    }

    private bool ReplaceOne(IntPtr graph, IntPtr node, Fill fill, IntPtr kernel)
    {
        var earlier = stackalloc IntPtr[Room];
        var later = stackalloc IntPtr[Room];
        nuint earlierCount = 0, laterCount = 0;

        // Newer drivers refuse to tell of edges that this call cannot describe.
        if (before(node, null, &earlierCount) != 0
            || after(node, null, &laterCount) != 0
            || earlierCount > Room
            || laterCount > Room
            || before(node, earlier, &earlierCount) != 0
            || after(node, later, &laterCount) != 0)
        {
            return false;
        }

        var (place, value, size, count) = (fill.Place, fill.Value, (int)fill.Size, fill.Width);
        var arguments = stackalloc void*[] { &place, &value, &size, &count };
        var made = new Kernel
        {
            Function = kernel,
            GridX = (uint)Math.Clamp((count + Threads - 1) / Threads, 1, MostBlocks),
            GridY = 1,
            GridZ = 1,
            BlockX = Threads,
            BlockY = 1,
            BlockZ = 1,
            Arguments = arguments,
        };
        IntPtr added;
        if (add(&added, graph, earlier, earlierCount, &made) != 0)
        {
            return false;
        }

        var from = stackalloc IntPtr[Room];
        new Span<IntPtr>(from, (int)laterCount).Fill(added);
        if (laterCount > 0 && link(graph, from, later, laterCount) != 0)
        {
            _ = destroy(added);
            return false;
        }

        return destroy(node) == 0;
    }

    /// <summary>CUDA_MEMSET_NODE_PARAMS.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Fill
    {
        public long Place;
        public long Pitch;
        public uint Value;
        public uint Size;
        public long Width;
        public long Height;
    }

    /// <summary>CUDA_KERNEL_NODE_PARAMS, the first version.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Kernel
    {
        public IntPtr Function;
        public uint GridX;
        public uint GridY;
        public uint GridZ;
        public uint BlockX;
        public uint BlockY;
        public uint BlockZ;
        public uint SharedBytes;
        public void** Arguments;
        public void** Extra;
    }
}
