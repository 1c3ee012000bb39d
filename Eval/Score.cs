using System.Globalization;
using Recipes.Core;

namespace Recipes.Eval;

/// <summary>A metric's value with what it rests on: the mean of one value an item, and how far to trust it.</summary>
public sealed class Score
{
    /// <param name="name">The metric with its variant.</param>
    /// <param name="definition">How it is made, exactly enough to make it again.</param>
    /// <param name="values">One value an item (mostly a picture), in the items' order.</param>
    /// <param name="groups">The group of each item, such as its prompt; null makes every item its own group.</param>
    /// <exception cref="RecipesException">
    /// No value, a value that is not finite, or as many groups as items are not.
    /// </exception>
    public Score(string name, string definition, IReadOnlyList<double> values, IReadOnlyList<string>? groups = null)
    {
        if (values.Count == 0)
        {
            throw new RecipesException(name, "there is nothing to score", "Give at least one picture.");
        }

        for (var i = 0; i < values.Count; i++)
        {
            if (!double.IsFinite(values[i]))
            {
                throw new RecipesException(
                    name,
                    $"item {i + 1} of {values.Count} scores {values[i].ToString(CultureInfo.InvariantCulture)}",
                    "Look at that picture and at the precision the scorer runs in; float32 is the safe one.");
            }
        }

        if (groups is not null && groups.Count != values.Count)
        {
            throw new RecipesException(
                name, $"{groups.Count} groups for {values.Count} items", "Give every item one group.");
        }

        Name = name;
        Definition = definition;
        Values = values;
        Groups = groups;
        Value = values.Sum() / values.Count;
        Resamples = Bootstrap.Means(values, groups);
        Interval = Resamples.Count == 0 ? null : Bootstrap.Percentiles(Resamples);
    }

    public string Name { get; }

    public string Definition { get; }

    /// <summary>Which way is the better one.</summary>
    public Better Better { get; init; }

    public IReadOnlyList<double> Values { get; }

    public IReadOnlyList<string>? Groups { get; }

    /// <summary>The mean over all items.</summary>
    public double Value { get; }

    /// <summary>The 95 % percentile interval of the bootstrap; null for a single item.</summary>
    public Interval? Interval { get; }

    public int Count => Values.Count;

    /// <summary>Share of the bootstrap's means above zero, ties counting half; null for a single item.</summary>
    public double? ShareAboveZero =>
        Resamples.Count == 0 ? null : Resamples.Sum(mean => mean > 0 ? 1 : mean == 0 ? 0.5 : 0) / Resamples.Count;

    private IReadOnlyList<double> Resamples { get; }

    /// <summary>
    /// The difference item by item, this less <paramref name="before"/>, with a paired interval. Both must score the
    /// same prompts and seeds in the same order.
    /// </summary>
    public Score Minus(Score before)
    {
        if (before.Count != Count || !(before.Groups ?? []).SequenceEqual(Groups ?? []))
        {
            throw new RecipesException(
                $"difference of {Name}",
                $"the two sides do not pair: {before.Count} items before, {Count} after, or other groups",
                "Score the same prompts and seeds, in the same order, on both sides.");
        }

        var values = Values.Zip(before.Values, (after, earlier) => after - earlier).ToList();
        return new Score(Name + ", difference", "paired by prompt and seed: " + Definition, values, Groups)
        {
            Better = Better,
        };
    }

    public override string ToString()
    {
        var value = Value.ToString("F3", CultureInfo.InvariantCulture);
        return Interval is { } interval
            ? string.Create(
                CultureInfo.InvariantCulture, $"{Name} {value} [{interval.Low:F3}, {interval.High:F3}], n = {Count}")
            : $"{Name} {value}, n = {Count}";
    }
}
