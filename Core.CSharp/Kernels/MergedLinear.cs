using Recipes.Core.Native;
using static TorchSharp.torch;
using Linear = Recipes.Core.Networks.Layers.Linear;

namespace Recipes.Core.Kernels;

/// <summary>
/// Several linear maps of one input, as queries, keys and values are, in one matrix product of their weights, which lie
/// one behind the other in memory, with their low-rank adapters; the gradient is that of one product too.
/// </summary>
internal static class MergedLinear
{
    /// <summary>
    /// Lays frozen weights one behind the other, and the halves of low-rank adapters where every map has one: in place,
    /// under the same names, without a change of any value and without more memory.
    /// </summary>
    public static void Lay(IReadOnlyList<Linear> maps)
    {
        if (!maps.Any(map => map.Weight.requires_grad))
        {
            SideBySide.Lay([.. maps.Select(map => map.Weight)]);
        }

        LowRank[] parts = [.. maps.Select(map => map.Adapters is [ILowRank low] ? low.Part : null).OfType<LowRank>()];
        if (parts.Length == maps.Count)
        {
            SideBySide.Lay([.. parts.Select(part => part.Down)]);
            SideBySide.Lay([.. parts.Select(part => part.Up)]);
        }
    }

    /// <summary>
    /// The maps' outputs, [.., out] each, as views of one piece of memory; null where the maps can only be computed one by
    /// one: with biases, weights that are trained or lie apart, or adapters of other kinds.
    /// </summary>
    /// <param name="maps">Of equal shapes.</param>
    /// <param name="x">[.., in].</param>
    public static Tensor[]? Apply(IReadOnlyList<Linear> maps, Tensor x)
    {
        Tensor[] weights = [.. maps.Select(map => map.Weight)];
        if (maps.Any(map => map.Bias is not null)
            || CustomGradient.Needed(weights)
            || weights.Any(weight => weight.dtype != x.dtype || weight.shape[0] != weights[0].shape[0]))
        {
            return null;
        }

        var adapters = new LowRank?[maps.Count];
        for (var i = 0; i < adapters.Length; i++)
        {
            adapters[i] = maps[i].Adapters is [ILowRank low] ? low.Part : null;
            if (adapters[i] is { } part ? part.Down.dtype != x.dtype : maps[i].Adapters.Count > 0)
            {
                return null;
            }
        }

        using var whole = SideBySide.Whole(weights);
        return whole is null ? null : Compute(x, whole, adapters);
    }

    private static Tensor[] Compute(Tensor x, Tensor weight, LowRank?[] adapters)
    {
        using var scope = NewDisposeScope();
        var rows = x.reshape(-1, x.shape[^1]);
        var width = weight.shape[0] / adapters.Length;
        LowRankStack? stack = null;
        Tensor[] outputs;
        using (no_grad())
        {
            var y = rows.mm(weight.t());
            if (adapters.Any(adapter => adapter is not null))
            {
                stack = new LowRankStack(adapters, rows, y);
            }

            // Detached, as the gradient of a view would be taken for one of the whole.
            outputs =
            [
                .. adapters.Select((_, i) =>
                    y.narrow(1, i * width, width).view([.. x.shape[..^1], width]).detach()),
            ];
        }

        Tensor[] all = [rows, .. stack?.Parameters ?? []];
        Tensor?[] saved = [.. stack?.Saved ?? [], CustomGradient.Save(weight)];
        if (CustomGradient.Needed(all))
        {
            bool[] needed = [.. all.Select(input => input.requires_grad)];
            CustomGradient.Attach(
                [.. all.Where((_, index) => needed[index])],
                outputs,
                saved,
                gradients => Backward(saved[^1]!, stack, gradients, needed));
        }
        else
        {
            foreach (var tensor in saved)
            {
                tensor?.Dispose();
            }
        }

        return [.. outputs.Select(output => output.MoveToOuterDisposeScope())];
    }

    /// <summary>
    /// The outputs' gradients come as tensors of their own. One copy brings them together: at 4096 rows of width 320 about
    /// 5 µs, less than the two or three products that it saves, each of which would read and write the input's gradient.
    /// </summary>
    private static Tensor?[] Backward(Tensor weight, LowRankStack? stack, Tensor?[] gradients, bool[] needed)
    {
        using var scope = NewDisposeScope();
        var given = gradients.First(gradient => gradient is not null)!;
        var width = given.shape[^1];
        var dy = cat([.. gradients.Select(gradient => (gradient ?? zeros_like(given)).reshape(-1, width))], 1);
        var inner = stack?.Inner(dy);
        var results = new List<Tensor>();
        if (needed[0])
        {
            var dx = dy.mm(weight);
            stack?.AddOfInput(dx, inner!);
            results.Add(dx);
        }

        if (stack is not null && needed.AsSpan(1).Contains(true))
        {
            results.AddRange(stack.Gradients(dy, inner!, needed.AsMemory(1)));
        }

        return [.. results.Select(result => result.DetachFromDisposeScope())];
    }
}
