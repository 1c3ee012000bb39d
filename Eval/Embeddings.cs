using System.Globalization;
using Recipes.Core;

namespace Recipes.Eval;

/// <summary>Rows of unit length, one a picture or text, so that a dot product is a cosine.</summary>
public sealed class Embeddings
{
    private readonly float[] _values;

    /// <param name="what">What the rows are, for errors: "generated pictures".</param>
    /// <param name="count">Rows.</param>
    /// <param name="width">Values a row.</param>
    /// <param name="values">count x width values, row by row, of any length; they are copied and normalised.</param>
    /// <exception cref="RecipesException">
    /// A row has no direction: it holds a value that is not finite, or only zeros.
    /// </exception>
    public Embeddings(string what, int count, int width, ReadOnlySpan<float> values)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, count * width);
        What = what;
        Count = count;
        Width = width;
        _values = values.ToArray();
        for (var row = 0; row < count; row++)
        {
            var vector = _values.AsSpan(row * width, width);
            var squares = 0.0;
            foreach (var value in vector)
            {
                squares += (double)value * value;
            }

            if (!double.IsFinite(squares) || squares == 0)
            {
                throw new RecipesException(
                    $"{what}, number {row + 1} of {count}",
                    $"its embedding has the length {Math.Sqrt(squares).ToString(CultureInfo.InvariantCulture)}",
                    "Score in float32, and check the scorer's weights if that does not help.");
            }

            var length = Math.Sqrt(squares);
            foreach (ref var value in vector)
            {
                value = (float)(value / length);
            }
        }
    }

    public string What { get; }

    public int Count { get; }

    public int Width { get; }

    /// <summary>One row, of length 1.</summary>
    public ReadOnlySpan<float> Row(int index) => _values.AsSpan(index * Width, Width);

    /// <summary>Cosine of a row with a row of the other set, from -1 to 1.</summary>
    /// <exception cref="RecipesException">
    /// The rows have different widths, so they come from different towers.
    /// </exception>
    public double Cosine(int row, Embeddings other, int otherRow)
    {
        if (other.Width != Width)
        {
            throw new RecipesException(
                $"{What} and {other.What}",
                $"embeddings of {Width} and {other.Width} values cannot be compared",
                "Embed both with the same scorer.");
        }

        var dot = 0.0;
        var left = Row(row);
        var right = other.Row(otherRow);
        for (var i = 0; i < left.Length; i++)
        {
            dot += (double)left[i] * right[i];
        }

        return Math.Clamp(dot, -1, 1);
    }
}
