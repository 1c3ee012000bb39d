using MathNet.Numerics.Random;
using MathNet.Numerics.Statistics;

namespace Recipes.Eval;

/// <summary>A two-sided 95 % confidence interval.</summary>
public readonly record struct Interval(double Low, double High);

/// <summary>
/// The percentile bootstrap of a mean (Efron and Tibshirani 1993, chapter 13). With groups it is hierarchical: groups
/// are
/// drawn first, then items within each, because pictures of one prompt resemble one another.
/// </summary>
public static class Bootstrap
{
    /// <summary>How many resamples every interval rests on.</summary>
    public const int Count = 2000;

    /// <summary>The seed of every interval, so that equal values give equal intervals.</summary>
    public const int Seed = 20260101;

    /// <summary>The means of <see cref="Count"/> resamples, or none for fewer than two values.</summary>
    public static IReadOnlyList<double> Means(IReadOnlyList<double> values, IReadOnlyList<string>? groups = null)
    {
        if (values.Count < 2)
        {
            return [];
        }

        var members = Enumerable.Range(0, values.Count)
            .GroupBy(i => groups is null ? i.ToString(System.Globalization.CultureInfo.InvariantCulture) : groups[i])
            .Select(group => group.Select(i => values[i]).ToArray())
            .ToArray();
        var random = new MersenneTwister(Seed, threadSafe: false);
        var means = new double[Count];
        for (var k = 0; k < Count; k++)
        {
            var (sum, drawn) = (0.0, 0);
            for (var g = 0; g < members.Length; g++)
            {
                // One group is all there is: drawing it anew adds nothing, its items still vary.
                var group = members[members.Length == 1 ? 0 : random.Next(members.Length)];
                for (var i = 0; i < group.Length; i++)
                {
                    sum += group.Length == 1 ? group[0] : group[random.Next(group.Length)];
                }

                drawn += group.Length;
            }

            means[k] = sum / drawn;
        }

        return means;
    }

    /// <summary>The 2.5 and 97.5 percentiles, interpolated (Hyndman and Fan's type 7).</summary>
    public static Interval Percentiles(IReadOnlyList<double> means) => new(
        means.QuantileCustom(0.025, QuantileDefinition.R7), means.QuantileCustom(0.975, QuantileDefinition.R7));
}
