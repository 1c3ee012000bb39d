using static TorchSharp.torch;

namespace Recipes.Eval.Metrics;

/// <summary>
/// The unbiased estimate of the squared maximum mean discrepancy (Gretton et al. 2012, lemma 6) with its jackknife.
/// </summary>
internal sealed class Discrepancy
{
    public Discrepancy(PolynomialKernel kernel, Features left, Features right)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (left.ToTensor(), right.ToTensor());
        var (within, among) = (Others(kernel.Of(x, x)), Others(kernel.Of(y, y)));
        var across = kernel.Of(x, y);
        var (toRight, toLeft) = (Values(across.sum([1])), Values(across.sum([0])));
        double n = left.Count, m = right.Count;
        var (xx, yy, xy) = (within.Sum(), among.Sum(), toRight.Sum());
        Value = Estimate(xx, n, yy, m, xy);

        // Without a row, the pairs it is part of are missing: twice its sum among its own, once across.
        var lacksLeft = within.Zip(toRight, (own, other) => Estimate(xx - (2 * own), n - 1, yy, m, xy - other));
        var lacksRight = among.Zip(toLeft, (own, other) => Estimate(xx, n, yy - (2 * own), m - 1, xy - other));
        StandardError = Math.Sqrt(Spread([.. lacksLeft]) + Spread([.. lacksRight]));
    }

    /// <summary>The estimate.</summary>
    public double Value { get; }

    /// <summary>The jackknife's standard error; not a number where a side has two rows.</summary>
    public double StandardError { get; }

    private static double Estimate(double xx, double n, double yy, double m, double xy) =>
        (xx / (n * (n - 1))) + (yy / (m * (m - 1))) - (2 * xy / (n * m));

    private static double Spread(double[] values)
    {
        var mean = values.Average();
        return (values.Length - 1.0) / values.Length * values.Sum(value => (value - mean) * (value - mean));
    }

    private static double[] Others(Tensor kernel) => Values(kernel.sum([1]).sub(kernel.diagonal()));

    private static double[] Values(Tensor values) => values.data<double>().ToArray();
}
