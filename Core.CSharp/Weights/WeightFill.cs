using System.Runtime.ExceptionServices;
using static TorchSharp.torch;

namespace Recipes.Core.Weights;

/// <summary>
/// Fills a network's tensors from files, in pieces. Most of the time goes into memory that is touched for the first
/// time and into waiting for the disk, so several threads read; what must be converted on the way goes through one
/// small buffer a thread, not through a second copy of each tensor.
/// </summary>
internal static class WeightFill
{
    /// <summary>Bytes of a piece.</summary>
    private const int Piece = 4 << 20;

    /// <summary>Values converted at once: so few that libtorch does not split them among threads of its own.</summary>
    private const long Converted = (1 << 15) - 64;

    /// <summary>More than cores, for some wait; more than this many seek to and fro on a disk.</summary>
    private static readonly int Readers = Math.Clamp(2 * Environment.ProcessorCount, 2, 8);

    /// <summary>Copies each part into its tensor, converted to the tensor's type and device.</summary>
    /// <returns>Names of those whose values are not all finite, in the order given.</returns>
    public static IReadOnlyList<string> Run(IEnumerable<(TensorPart Part, Tensor Target)> weights)
    {
        var all = weights.ToList();
        var broken = new bool[all.Count];
        var pieces = new List<PieceOf>();
        foreach (var (index, (part, target)) in all.Index())
        {
            if (TensorIO.IsPlain(part, target))
            {
                pieces.AddRange(Cut(index, part, target));
            }
            else
            {
                broken[index] = !TensorIO.CopyTo(part, target);
            }
        }

        if (pieces.Count > 0)
        {
            Read(pieces, broken);
        }

        return [.. all.Index().Where(item => broken[item.Index]).Select(item => item.Item.Part.Name)];
    }

    private static IEnumerable<PieceOf> Cut(int index, TensorPart part, Tensor target)
    {
        var info = part.File.Info(part.Name);
        long step = Piece / info.DType.Size();
        for (long at = 0; at < info.Count; at += step)
        {
            yield return new PieceOf(index, part.File, info, target, at, Math.Min(step, info.Count - at));
        }
    }

    private static void Read(List<PieceOf> pieces, bool[] broken)
    {
        var next = -1;
        var threads = Math.Min(Readers, pieces.Count);
        try
        {
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, _ => Share());
        }
        catch (AggregateException e) when (e.InnerExceptions.OfType<RecipesException>().FirstOrDefault() is { } first)
        {
            ExceptionDispatchInfo.Throw(first);
        }

        void Share()
        {
            // Both are the thread's own in TorchSharp and libtorch.
            using var gradients = no_grad();
            using var scope = NewDisposeScope();
            Tensor? buffer = null;
            for (int i; (i = Interlocked.Increment(ref next)) < pieces.Count;)
            {
                if (!Fill(pieces[i], ref buffer))
                {
                    broken[pieces[i].Index] = true;
                }
            }

            buffer?.Dispose();
        }
    }

    private static bool Fill(PieceOf piece, ref Tensor? buffer)
    {
        using var flat = piece.Target.view(-1);
        using var target = flat.narrow(0, piece.First, piece.Count);
        var type = TensorIO.ScalarTypeOf(piece.Info.DType)!.Value;
        var offset = piece.First * piece.Info.DType.Size();
        if (type == target.dtype)
        {
            return TensorIO.CopyBytes(piece.File, piece.Info, offset, target);
        }

        using var scope = NewDisposeScope();
        if (buffer?.dtype != type)
        {
            buffer?.Dispose();
            buffer = empty(Piece / piece.Info.DType.Size(), dtype: type, device: CPU).DetachFromDisposeScope();
        }

        var source = buffer.narrow(0, 0, piece.Count);
        var finite = TensorIO.CopyBytes(piece.File, piece.Info, offset, source);
        for (long at = 0; at < piece.Count; at += Converted)
        {
            var count = Math.Min(Converted, piece.Count - at);
            using var part = target.narrow(0, at, count);
            using var given = source.narrow(0, at, count);
            part.copy_(given).Dispose();
        }

        return finite && TensorIO.StaysFinite(piece.Info.DType, target);
    }

    private sealed record PieceOf(
        int Index, SafeTensorsFile File, TensorInfo Info, Tensor Target, long First, long Count);
}
