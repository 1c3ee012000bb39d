using static TorchSharp.torch;

namespace Recipes.Core.Adapters.Merging;

/// <summary>
/// Adapters of one or several sets, each at its scale, put into the weights of their layers: the same outputs up to
/// rounding, without their cost. The weights as they were are kept, and disposal brings back the same bytes.
/// </summary>
public sealed class FusedAdapters : IDisposable
{
    private readonly IReadOnlyList<LoraSet> sets;
    private readonly List<(Tensor Weight, Tensor Original)> kept = [];

    private FusedAdapters(IReadOnlyList<LoraSet> sets)
    {
        this.sets = sets;
    }

    /// <summary>Fuses sets that sit on the same networks.</summary>
    /// <exception cref="RecipesException">One of them is merged already.</exception>
    public static FusedAdapters Fuse(params IReadOnlyList<LoraSet> sets)
    {
        foreach (var set in sets)
        {
            // Refuses one that is merged.
            set.Attach();
        }

        using var _ = no_grad();
        var fused = new FusedAdapters(sets);
        foreach (var layer in sets.SelectMany(set => set.All).GroupBy(adapter => adapter.Layer))
        {
            using var scope = NewDisposeScope();
            var weight = layer.Key.Weight;
            var original = weight.detach().clone();
            // All changes are computed before any is made: those of DoRA depend on the weight.
            var changes = layer.Select(adapter => adapter.Delta()).ToList();
            var sum = changes.Aggregate(weight.to(ScalarType.Float32), (total, change) => total + change);
            weight.copy_(sum);
            fused.kept.Add((weight, original.DetachFromDisposeScope()));
        }

        foreach (var set in sets)
        {
            set.Detach();
            set.IsMerged = true;
        }

        return fused;
    }

    /// <summary>Brings the weights back as they were and puts the adapters onto their layers again.</summary>
    public void Dispose()
    {
        using var _ = no_grad();
        foreach (var (weight, original) in kept)
        {
            weight.copy_(original);
            original.Dispose();
        }

        if (kept.Count > 0)
        {
            kept.Clear();
            foreach (var set in sets)
            {
                set.IsMerged = false;
                set.Attach();
            }
        }
    }
}
