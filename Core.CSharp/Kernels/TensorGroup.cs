using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>The tensors of one trained parameter, as an optimiser's kernel takes them.</summary>
/// <param name="Place">The parameter's place among all that are trained.</param>
/// <param name="Narrow">The bfloat16 weight; null where the master is the weight.</param>
/// <param name="Master">The float32 weight.</param>
/// <param name="Gradient">Bfloat16 or float32, laid out like the weight; null to follow with the average alone.</param>
/// <param name="Average">The running average, float32, laid out like the weight; null for none.</param>
internal readonly record struct TrainedTensors(
    int Place, Tensor? Narrow, Tensor Master, Tensor? Gradient, Tensor? Average)
{
    /// <summary>What the optimiser remembers of it, laid out like the weight.</summary>
    public Tensor[] States { get; init; } = [];
}

/// <summary>
/// Tensors that one launch of an optimiser's kernel works on, shared out to its blocks: each takes a span of one tensor.
/// They lie in the kernel's parameters, as tensors.cuh lays them out, so that a recorded graph keeps them.
/// </summary>
internal sealed class TensorGroup
{
    /// <summary>Threads of a block.</summary>
    public const int Threads = 256;

    private const int MostSpan = 16384;
    private const int LeastSpan = 1024;
    private const long BlocksForSpan = 1024;
    private readonly TrainedTensors[] tensors;

    private TensorGroup(TrainedTensors[] tensors)
    {
        this.tensors = tensors;

        // Small tensors are shared out finely, for a block's time counts; large ones coarsely, for its start does.
        Span = LeastSpan;
        while (Span < MostSpan && tensors.Sum(item => item.Master.numel()) > Span * BlocksForSpan)
        {
            Span *= 2;
        }

        var starts = new int[tensors.Length];
        for (var i = 0; i < tensors.Length; i++)
        {
            starts[i] = Blocks;
            Blocks += (checked((int)tensors[i].Master.numel()) + Span - 1) / Span;
        }

        Starts = starts;
    }

    /// <summary>Elements of a block.</summary>
    public int Span { get; }

    /// <summary>The first block of each tensor.</summary>
    public IReadOnlyList<int> Starts { get; }

    /// <summary>Blocks of the launch.</summary>
    public int Blocks { get; }

    /// <summary>Groups of at most so many tensors whose gradients have one type, or which have none.</summary>
    public static IEnumerable<TensorGroup> Split(IEnumerable<TrainedTensors> tensors, int room) =>
        from kind in tensors.GroupBy(item => item.Gradient?.dtype)
        from part in kind.Chunk(room)
        select new TensorGroup(part);

    /// <summary>The structure Group of tensors.cuh, which is the kernel's first argument.</summary>
    /// <param name="room">Tensors there is room for, as the kernel's source says.</param>
    /// <param name="states">Tensors that the optimiser remembers of each parameter, likewise.</param>
    /// <param name="narrow">Whether these are bfloat16.</param>
    public byte[] Pack(int room, int states, bool narrow = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(room, tensors.Length);
        const int Others = 4;
        const int Counts = 3;
        const int Last = 4;
        var ints = (room * Counts) + Last;
        var packed = new byte[(room * (Others + states) * sizeof(long)) + (ints * sizeof(int))];
        var pointers = room * (Others + states);
        var addresses = MemoryMarshal.Cast<byte, long>(packed.AsSpan())[..pointers];
        var counts = MemoryMarshal.Cast<byte, int>(packed.AsSpan())[(2 * pointers)..];
        for (var i = 0; i < tensors.Length; i++)
        {
            var item = tensors[i];
            Tensor?[] all = [item.Narrow, item.Master, item.Gradient, item.Average, .. item.States];
            ArgumentOutOfRangeException.ThrowIfNotEqual(item.States.Length, states);
            for (var j = 0; j < all.Length; j++)
            {
                addresses[(j * room) + i] = KernelArgument.Of(all[j]);
            }

            counts[i] = (int)item.Master.numel();
            counts[room + i] = Starts[i];
            counts[(2 * room) + i] = item.Place;
        }

        var wide = tensors[0].Gradient?.dtype == ScalarType.Float32;
        int[] last = [tensors.Length, wide ? 1 : 0, narrow ? 1 : 0, Span];
        last.CopyTo(counts[(Counts * room)..]);
        return packed;
    }
}
