using System.Globalization;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters.Merging;

/// <summary>
/// The sum of low-rank adapters as one low-rank adapter: Σ wᵢ BᵢAᵢ = [w₁B₁ w₂B₂ …] [A₁; A₂; …], whose rank is the sum of
/// theirs. Exact but for the rounding of one product a number.
/// </summary>
public static class AdapterSum
{
    /// <summary>One set that amounts to all of them, in float32, not yet attached; the parts stay as they are.</summary>
    /// <param name="parts">Sets on the same networks with their weights, beside their own scales.</param>
    /// <exception cref="RecipesException">
    /// There is none, a weight is no number or zero, or an adapter is not the product of two halves.
    /// </exception>
    public static LoraSet Of(params IReadOnlyList<(LoraSet Set, double Weight)> parts)
    {
        if (parts.Count == 0)
        {
            throw new RecipesException("Merge", "there are no adapters to add up", "Name one or more.");
        }

        foreach (var (set, weight) in parts)
        {
            Check(set, weight);
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var order = new List<string>();
        var found = new Dictionary<string, List<(LoraAdapter Adapter, double Weight)>>();
        foreach (var (set, weight) in parts)
        {
            foreach (var adapter in set.Adapters)
            {
                if (!found.TryGetValue(adapter.Name, out var terms))
                {
                    found[adapter.Name] = terms = [];
                    order.Add(adapter.Name);
                }

                terms.Add((adapter, weight));
            }
        }

        return new LoraSet(
            order.Select(name => Concatenated(found[name])),
            parts.SelectMany(part => part.Set.OriginalLayers).DistinctBy(pair => pair.Key).ToDictionary());
    }

    private static LoraAdapter Concatenated(List<(LoraAdapter Adapter, double Weight)> terms)
    {
        var first = terms[0].Adapter;
        var down = cat([.. terms.Select(term => term.Adapter.Down.detach().to(ScalarType.Float32))], 0);
        var up = cat(
            [.. terms.Select(term => term.Adapter.Up.detach().to(ScalarType.Float32)
                .mul(term.Weight * term.Adapter.Factor))],
            1);
        return new LoraAdapter(first.Component, first.Path, first.Layer, down, up, down.shape[0]);
    }

    private static void Check(LoraSet set, double weight)
    {
        if (!double.IsFinite(weight) || weight == 0)
        {
            throw new RecipesException(
                "Merge",
                $"a weight of {weight.ToString(CultureInfo.InvariantCulture)} adds nothing",
                "Write a number such as 1, or leave the adapter out.");
        }

        var odd = set.Deltas.Count > 0 ? set.Deltas[0].Kind
            : set.Adapters.Any(adapter => adapter.Magnitude is not null) ? "DoRA"
            : null;
        if (odd is not null)
        {
            throw new RecipesException(
                "Merge",
                $"{odd} is not the product of two halves, so that a sum with it is no low-rank adapter",
                "Fuse the adapters into the base weights and save those.");
        }
    }
}
