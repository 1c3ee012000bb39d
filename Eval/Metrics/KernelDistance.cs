using System.Globalization;
using Recipes.Core;
using static TorchSharp.torch;

namespace Recipes.Eval.Metrics;

/// <summary>
/// KID, the kernel inception distance (Binkowski et al., arXiv 1801.01401): the squared maximum mean discrepancy of two
/// sets of features under the kernel (gamma x.y + constant)^degree. The estimate is unbiased, so it may fall below 0.
/// </summary>
/// <param name="Name">The metric with its extractor.</param>
/// <param name="Value">The mean over the subsets, which is what is reported as KID.</param>
/// <param name="Deviation">
/// Standard deviation over the subsets (population). They overlap, so it is no confidence interval.
/// </param>
/// <param name="Whole">The unbiased estimate from all rows of both sides at once.</param>
/// <param name="StandardError">
/// Of <paramref name="Whole"/>, by the delete-one jackknife over both sides (Arvesen 1969). Where both sides come from
/// one distribution it overstates the error.
/// </param>
/// <param name="Subsets">Subsets drawn.</param>
/// <param name="SubsetSize">Rows a side of each.</param>
/// <param name="Left">Rows of the left side.</param>
/// <param name="Right">Rows of the right side.</param>
public sealed record KernelDistance(
    string Name,
    double Value,
    double Deviation,
    double Whole,
    double StandardError,
    int Subsets,
    int SubsetSize,
    int Left,
    int Right)
{
    /// <summary>Rows a side below which there is no telling anything.</summary>
    public const int Least = 50;

    /// <summary>The 95 % interval of <see cref="Whole"/>, by its standard error and the normal distribution.</summary>
    public Interval Interval => new(Whole - (1.959964 * StandardError), Whole + (1.959964 * StandardError));

    /// <summary>Compares two sets of features.</summary>
    /// <exception cref="RecipesException">
    /// Fewer than <see cref="Least"/> rows, subsets larger than a side, or features of different extractors.
    /// </exception>
    public static KernelDistance Between(Features left, Features right, KernelDistanceOptions? options = null)
    {
        options ??= new KernelDistanceOptions();
        Features.Check("KID", left, right, Least);
        var least = Math.Min(left.Count, right.Count);
        var size = options.SubsetSize ?? Math.Min(1000, least / 2);
        Check(options, size, least);
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var kernel = new PolynomialKernel(options, left.Width);
        var random = new NumpyRandom(options.Seed);
        var values = new double[options.Subsets];
        for (var i = 0; i < values.Length; i++)
        {
            var (one, other) = (random.Choice(left.Count, size), random.Choice(right.Count, size));
            values[i] = new Discrepancy(kernel, left.Take(one), right.Take(other)).Value;
        }

        var whole = new Discrepancy(kernel, left, right);
        var mean = values.Average();
        var deviation = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
        return new KernelDistance(
            $"KID ({left.Extractor}, {Say(values.Length)} subsets of {Say(size)})",
            mean, deviation, whole.Value, whole.StandardError, values.Length, size, left.Count, right.Count);
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Name} {Value * 1e3:F3} ± {Deviation * 1e3:F3} x 10^-3; from all {Left} and {Right} rows "
            + $"{Whole * 1e3:F3} [{Interval.Low * 1e3:F3}, {Interval.High * 1e3:F3}]");

    private static void Check(KernelDistanceOptions options, int size, int least)
    {
        if (options.Subsets < 1 || size < 2 || size > least)
        {
            throw new RecipesException(
                "KID",
                $"{Say(options.Subsets)} subsets of {Say(size)} cannot be drawn from {Say(least)} rows a side",
                $"Draw at least 1 subset of 2 to {Say(least)} rows.");
        }

        if (options.Degree < 1 || options.Gamma is <= 0 or double.NaN || !double.IsFinite(options.Constant))
        {
            throw new RecipesException(
                "KID", "its kernel needs a degree of at least 1, a positive gamma and a finite constant",
                "Leave the kernel's settings out: the published KID has degree 3, gamma 1 / width and constant 1.");
        }
    }

    private static string Say(int number) => number.ToString(CultureInfo.InvariantCulture);
}
