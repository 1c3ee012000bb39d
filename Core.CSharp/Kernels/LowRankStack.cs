using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>
/// One pass of the adapters of several linear maps of the same x whose outputs lie side by side, in as few products as
/// their shapes allow: one for all x Aᵀ, and where ranks and factors are the same one for all Bᵀ too.
/// </summary>
internal sealed class LowRankStack
{
    private readonly LowRank[] parts;
    private readonly int[] places;
    private readonly long[] starts;
    private readonly long width;
    private readonly long rank;
    private readonly Tensor rows;
    private readonly Tensor downs;
    private readonly Tensor[] ups;
    private readonly Tensor? stackedUps;
    private readonly Tensor hidden;
    private readonly Tensor?[] kept;

    /// <summary>Adds what the adapters give to the maps' outputs; outside the gradient.</summary>
    /// <param name="adapters">One for each map, null for none; at least one.</param>
    /// <param name="x">[n, in].</param>
    /// <param name="y">[n, maps · out], changed in place.</param>
    public LowRankStack(LowRank?[] adapters, Tensor x, Tensor y)
    {
        places = [.. Enumerable.Range(0, adapters.Length).Where(place => adapters[place] is not null)];
        parts = [.. places.Select(place => adapters[place]!)];
        starts = new long[parts.Length];
        for (var i = 0; i < parts.Length; i++)
        {
            starts[i] = rank;
            rank += parts[i].Rank;
        }

        width = y.shape[1] / adapters.Length;
        rows = CustomGradient.Save(x);
        downs = CustomGradient.Save(Stacked(part => part.Down));
        ups = [.. parts.Select(part => CustomGradient.Save(part.Up))];
        stackedUps = parts.Length == adapters.Length && parts.All(Alike)
            ? CustomGradient.Save(Stacked(part => part.Up).view(parts.Length, width, parts[0].Rank))
            : null;
        kept = [.. parts.Select(part => part.Drop is { } drop ? CustomGradient.Save(drop(x)) : null)];
        hidden = CustomGradient.Save(Hidden());
        if (stackedUps is not null)
        {
            BatchedProduct.Add(PerMap(y), PerMap(hidden), stackedUps.transpose(1, 2), 1, parts[0].Factor);
            return;
        }

        for (var i = 0; i < parts.Length; i++)
        {
            Output(y, i).addmm_(Columns(hidden, i), ups[i].t(), 1, (float)parts[i].Factor);
        }
    }

    /// <summary>What is kept for the gradient: the caller's to free.</summary>
    public IEnumerable<Tensor?> Saved => [rows, downs, .. ups, stackedUps, hidden, .. kept];

    /// <summary>Each adapter's A and B, in the order of <see cref="Gradients"/>.</summary>
    public IEnumerable<Tensor> Parameters => parts.SelectMany(part => new Tensor[] { part.Down, part.Up });

    private bool Dropped => kept.Any(item => item is not null);

    /// <summary>The gradient of the stacked hidden values, factors included, [n, sum of ranks].</summary>
    /// <param name="dy">[n, maps · out].</param>
    public Tensor Inner(Tensor dy)
    {
        var inner = empty_like(hidden);
        if (stackedUps is not null)
        {
            BatchedProduct.Add(PerMap(inner), PerMap(dy), stackedUps, 0, parts[0].Factor);
            return inner;
        }

        for (var i = 0; i < parts.Length; i++)
        {
            Columns(inner, i).addmm_(Output(dy, i), ups[i], 0, (float)parts[i].Factor);
        }

        return inner;
    }

    /// <summary>Adds the adapters' share to the gradient of x.</summary>
    /// <param name="dx">[n, in], changed in place.</param>
    /// <param name="inner">From <see cref="Inner"/>.</param>
    public void AddOfInput(Tensor dx, Tensor inner)
    {
        if (!Dropped)
        {
            dx.addmm_(inner, downs);
            return;
        }

        for (var i = 0; i < parts.Length; i++)
        {
            var share = Columns(inner, i).mm(Down(i));
            dx.add_(parts[i].Drop is { } drop ? drop(share) : share);
        }
    }

    /// <summary>The gradients of <see cref="Parameters"/> that are needed; no two share a value's memory.</summary>
    /// <param name="dy">[n, maps · out].</param>
    /// <param name="inner">From <see cref="Inner"/>.</param>
    /// <param name="needed">Which.</param>
    public IEnumerable<Tensor> Gradients(Tensor dy, Tensor inner, ReadOnlyMemory<bool> needed)
    {
        var ofDowns = OfDowns(inner);
        var ofUps = OfUps(dy);
        return Enumerable.Range(0, needed.Length)
            .Where(index => needed.Span[index])
            .Select(index => index % 2 == 0 ? ofDowns[index / 2] : ofUps[index / 2]);
    }

    private Tensor[] OfDowns(Tensor inner)
    {
        if (Dropped)
        {
            return [.. parts.Select((_, i) => Columns(inner, i).t().mm(kept[i] ?? rows))];
        }

        var whole = inner.t().mm(rows);
        return [.. parts.Select((part, i) => whole.narrow(0, starts[i], part.Rank).detach())];
    }

    private Tensor[] OfUps(Tensor dy)
    {
        if (stackedUps is not null)
        {
            var whole = empty_like(stackedUps);
            BatchedProduct.Add(whole, PerMap(dy).transpose(1, 2), PerMap(hidden), 0, parts[0].Factor);
            return [.. parts.Select((_, i) => whole.select(0, i).detach())];
        }

        return
        [
            .. parts.Select((part, i) =>
                empty_like(ups[i]).addmm_(Output(dy, i).t(), Columns(hidden, i), 0, (float)part.Factor)),
        ];
    }

    private Tensor Hidden()
    {
        if (!Dropped)
        {
            return rows.mm(downs.t());
        }

        var whole = empty([rows.shape[0], rank], dtype: rows.dtype, device: rows.device);
        for (var i = 0; i < parts.Length; i++)
        {
            Columns(whole, i).addmm_(kept[i] ?? rows, Down(i).t(), 0, 1);
        }

        return whole;
    }

    private bool Alike(LowRank part) => part.Rank == parts[0].Rank && part.Factor == parts[0].Factor;

    /// <summary>One half of all adapters below each other, copied only where they lie apart.</summary>
    private Tensor Stacked(Func<LowRank, Tensor> half)
    {
        Tensor[] halves = [.. parts.Select(half)];
        return SideBySide.Whole(halves) ?? cat(halves, 0);
    }

    /// <summary>[n, maps · m] as [maps, n, m] of the same memory.</summary>
    private Tensor PerMap(Tensor whole) => whole.view(whole.shape[0], parts.Length, -1).transpose(0, 1);

    private Tensor Output(Tensor whole, int part) => whole.narrow(1, places[part] * width, width);

    private Tensor Columns(Tensor whole, int part) => whole.narrow(1, starts[part], parts[part].Rank);

    private Tensor Down(int part) => downs.narrow(0, starts[part], parts[part].Rank);
}
