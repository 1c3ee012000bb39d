using System.Globalization;
using Recipes.Core;
using static TorchSharp.torch;

namespace Recipes.Eval.Metrics;

/// <summary>Rows of features of any length, one a picture, as a network's layer gives them.</summary>
public sealed class Features
{
    private readonly double[] _values;

    /// <param name="what">What the rows are, for errors: "drawn pictures".</param>
    /// <param name="extractor">The network and layer they come from; figures carry its name.</param>
    /// <param name="count">Rows.</param>
    /// <param name="width">Values a row.</param>
    /// <param name="values">count x width values, row by row; they are copied.</param>
    /// <exception cref="RecipesException">A value is not finite.</exception>
    public Features(string what, string extractor, int count, int width, ReadOnlySpan<double> values)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, checked(count * width));
        for (var i = 0; i < values.Length; i++)
        {
            if (!double.IsFinite(values[i]))
            {
                throw new RecipesException(
                    $"{what}, number {(i / width) + 1} of {count}",
                    $"a feature is {values[i].ToString(CultureInfo.InvariantCulture)}",
                    "Look at that picture and at the precision the extractor runs in; float32 is the safe one.");
            }
        }

        (What, Extractor, Count, Width, _values) = (what, extractor, count, width, values.ToArray());
    }

    public string What { get; }

    /// <summary>The network and layer that the features come from.</summary>
    public string Extractor { get; }

    /// <summary>Rows.</summary>
    public int Count { get; }

    /// <summary>Values a row.</summary>
    public int Width { get; }

    /// <summary>One row.</summary>
    public ReadOnlySpan<double> this[int row] => _values.AsSpan(row * Width, Width);

    /// <summary>The unit rows of a CLIP tower.</summary>
    public static Features Of(Embeddings embeddings, string extractor)
    {
        ArgumentNullException.ThrowIfNull(embeddings);
        var values = new double[embeddings.Count * embeddings.Width];
        for (var row = 0; row < embeddings.Count; row++)
        {
            for (var i = 0; i < embeddings.Width; i++)
            {
                values[(row * embeddings.Width) + i] = embeddings.Row(row)[i];
            }
        }

        return new Features(embeddings.What, extractor, embeddings.Count, embeddings.Width, values);
    }

    /// <summary>The given rows, in the given order.</summary>
    public Features Take(IReadOnlyList<int> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var values = new double[rows.Count * Width];
        for (var i = 0; i < rows.Count; i++)
        {
            this[rows[i]].CopyTo(values.AsSpan(i * Width));
        }

        return new Features(What, Extractor, rows.Count, Width, values);
    }

    /// <summary>Float64 [count, width] on the CPU; belongs to the caller's dispose scope.</summary>
    public Tensor ToTensor() => tensor(_values, [Count, Width]);

    /// <summary>Refuses sets that cannot be compared, or that are too small for the metric.</summary>
    internal static void Check(string metric, Features left, Features right, int least)
    {
        ArgumentNullException.ThrowIfNull(left);
        ArgumentNullException.ThrowIfNull(right);
        if (left.Width != right.Width || left.Extractor != right.Extractor)
        {
            throw new RecipesException(
                $"{metric} of {left.What} and {right.What}",
                $"{left.Width} features by {left.Extractor} cannot be compared with {right.Width} by {right.Extractor}",
                "Take both from the same layer of the same network.");
        }

        foreach (var side in new[] { left, right })
        {
            if (side.Count < least)
            {
                throw new RecipesException(
                    $"{metric} of {left.What} and {right.What}",
                    $"{side.Count} {side.What} are too few: at least {least} are needed",
                    "Draw more pictures; the few photographs of one subject are compared by CLIP-I.");
            }
        }
    }
}
