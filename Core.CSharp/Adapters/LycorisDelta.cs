using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>
/// Changes of weights that are not a product of two halves, as LyCORIS defines them (Yeh et al., "Navigating
/// Text-To-Image Customization: From LyCORIS Fine-Tuning to Model Evaluation"): LoHa, the elementwise product of two
/// low-rank matrices; LoKr, the Kronecker product of two factors; and whole differences.
/// </summary>
internal static class LycorisDelta
{
    /// <summary>Whether the keys make one of these.</summary>
    public static bool IsOne(IReadOnlyDictionary<LoraRole, string> keys) =>
        keys.Keys.Any(role => role >= LoraRole.Full);

    /// <summary>What it is called.</summary>
    public static string Kind(IReadOnlyDictionary<LoraRole, string> keys) =>
        keys.ContainsKey(LoraRole.Full) ? "full" : keys.Keys.Any(role => role >= LoraRole.Kron1) ? "LoKr" : "LoHa";

    /// <summary>Whether all parts that belong together are there.</summary>
    public static bool IsWhole(IReadOnlyDictionary<LoraRole, string> keys)
    {
        return Kind(keys) switch
        {
            "full" => true,
            "LoHa" => Has(LoraRole.Hada1A, LoraRole.Hada1B, LoraRole.Hada2A, LoraRole.Hada2B)
                && Has(LoraRole.HadaCore1) == Has(LoraRole.HadaCore2),
            _ => Has(LoraRole.Kron1) != Has(LoraRole.Kron1A, LoraRole.Kron1B)
                && Has(LoraRole.Kron2) != Has(LoraRole.Kron2A, LoraRole.Kron2B),
        };

        bool Has(params LoraRole[] roles) => roles.All(keys.ContainsKey);
    }

    /// <summary>The shape that the parts make where it is not the weight's, in words; null where it is.</summary>
    public static string? Misfit(SafeTensorsFile file, IReadOnlyDictionary<LoraRole, string> keys, long[] weight)
    {
        var made = Shape(keys.ToDictionary(pair => pair.Key, pair => file.Info(pair.Value).Shape));
        if (made is not null && (made.SequenceEqual(weight) || made.SequenceEqual([weight[0], Size(weight[1..])])))
        {
            return null;
        }

        var text = made is null ? "parts that do not fit each other" : $"[{string.Join(", ", made)}]";
        return $"{keys.First().Value} and its partners make {text}, the layer takes [{string.Join(", ", weight)}]";
    }

    /// <summary>The change before alpha, and the rank that alpha is divided by; null where nothing is low-rank.</summary>
    public static (Tensor Delta, long? Rank) Product(IReadOnlyDictionary<LoraRole, Tensor> parts)
    {
        if (parts.TryGetValue(LoraRole.Full, out var full))
        {
            return (full, null);
        }

        if (parts.TryGetValue(LoraRole.Hada1B, out var inner))
        {
            var first = Low(parts, LoraRole.Hada1A, LoraRole.Hada1B, LoraRole.HadaCore1);
            var second = Low(parts, LoraRole.Hada2A, LoraRole.Hada2B, LoraRole.HadaCore2);
            return (first * second, inner.shape[0]);
        }

        var (left, leftRank) = Factor(parts, LoraRole.Kron1, LoraRole.Kron1A, LoraRole.Kron1B, null);
        var (right, rightRank) = Factor(parts, LoraRole.Kron2, LoraRole.Kron2A, LoraRole.Kron2B, LoraRole.KronCore);
        while (left.dim() < right.dim())
        {
            left = left.unsqueeze(-1);
        }

        return (kron(left, right), rightRank ?? leftRank);
    }

    private static (Tensor Factor, long? Rank) Factor(
        IReadOnlyDictionary<LoraRole, Tensor> parts, LoraRole whole, LoraRole a, LoraRole b, LoraRole? core) =>
        parts.TryGetValue(whole, out var matrix)
            ? (matrix, null)
            : (Low(parts, a, b, core), parts[b].shape[0]);

    /// <summary>AB, or with a core [r, r, height, width] between them the convolution Aᵀ core B.</summary>
    private static Tensor Low(IReadOnlyDictionary<LoraRole, Tensor> parts, LoraRole a, LoraRole b, LoraRole? core)
    {
        if (core is { } role && parts.TryGetValue(role, out var middle))
        {
            return einsum("ijkl,ip,jr->prkl", middle, parts[a], parts[b]);
        }

        // B of a convolution may come as [rank, in, height, width].
        var product = parts[a].flatten(1).matmul(parts[b].flatten(1));
        return parts[b].dim() > 2 ? product.reshape([parts[a].shape[0], .. parts[b].shape[1..]]) : product;
    }

    /// <summary>The shape of <see cref="Product"/>; null where the parts do not fit each other.</summary>
    private static long[]? Shape(IReadOnlyDictionary<LoraRole, long[]> parts)
    {
        if (parts.TryGetValue(LoraRole.Full, out var full))
        {
            return full;
        }

        if (parts.ContainsKey(LoraRole.Hada1B))
        {
            var first = LowShape(parts, LoraRole.Hada1A, LoraRole.Hada1B, LoraRole.HadaCore1);
            var second = LowShape(parts, LoraRole.Hada2A, LoraRole.Hada2B, LoraRole.HadaCore2);
            return first is not null && second is not null && first.SequenceEqual(second) ? first : null;
        }

        var left = parts.GetValueOrDefault(LoraRole.Kron1) ?? LowShape(parts, LoraRole.Kron1A, LoraRole.Kron1B, null);
        var right = parts.GetValueOrDefault(LoraRole.Kron2)
            ?? LowShape(parts, LoraRole.Kron2A, LoraRole.Kron2B, LoraRole.KronCore);
        return left is [var rows, var columns] && right is [var height, var width, ..]
            ? [rows * height, columns * width, .. right[2..]]
            : null;
    }

    private static long[]? LowShape(
        IReadOnlyDictionary<LoraRole, long[]> parts, LoraRole a, LoraRole b, LoraRole? core)
    {
        if (parts[a] is not [var first, ..] || parts[b] is not [var second, _, ..])
        {
            return null;
        }

        if (core is { } role && parts.TryGetValue(role, out var middle))
        {
            return parts[a] is [_, var outputs] && parts[b] is [_, var inputs]
                && middle is [var left, var right, _, _] && left == first && right == second
                ? [outputs, inputs, .. middle[2..]]
                : null;
        }

        return Size(parts[a][1..]) == second ? [first, .. parts[b][1..]] : null;
    }

    private static long Size(long[] shape) => shape.Aggregate(1L, (product, size) => product * size);
}
