namespace Recipes.Core.Schedules;

/// <summary>
/// What a UniPC step's result is made of (Zhao et al. 2023, algorithms 5 to 8): the sample stepped from, the prediction
/// there, the predictions before it, and in the corrector the prediction at the level stepped to.
/// </summary>
/// <param name="Sample">Weight of the sample.</param>
/// <param name="Predictions">Weights of the predictions, newest first.</param>
/// <param name="Reached">Weight of the prediction at the level stepped to; 0 in the predictor.</param>
internal readonly record struct UniPcWeights(double Sample, double[] Predictions, double Reached)
{
    /// <summary>The weights of a predictor's or a corrector's step.</summary>
    /// <param name="settings">B(h), and what is solved for.</param>
    /// <param name="levels">The level stepped to, then those of the predictions, newest first.</param>
    /// <param name="corrects">Whether the prediction at the level stepped to is known.</param>
    public static UniPcWeights Of(SolverSettings settings, ReadOnlySpan<Level> levels, bool corrects)
    {
        var (to, from) = (levels[0], levels[1]);
        var order = levels.Length - 1;
        var h = to.HalfLogSnr - from.HalfLogSnr;
        var signed = settings.PredictX0 ? -h : h;
        var growth = Math.Exp(signed) - 1;
        var scale = settings.PredictX0 ? to.Signal : to.Noise;
        var predictions = new double[order];
        predictions[0] = -scale * growth;
        var sample = settings.PredictX0 ? to.Noise / from.Noise : to.Signal / from.Signal;
        if (order == 1 && !corrects)
        {
            return new(sample, predictions, 0);
        }

        var ratios = new double[order];
        for (var i = 1; i < order; i++)
        {
            ratios[i - 1] = (levels[i + 1].HalfLogSnr - from.HalfLogSnr) / h;
        }

        ratios[order - 1] = 1;
        var b = settings.SolverType == "bh1" ? signed : growth;
        var shares = Shares(ratios, Moments(order, signed, growth, b), corrects);
        for (var i = 1; i < order; i++)
        {
            var weight = -scale * b * shares[i - 1] / ratios[i - 1];
            predictions[i] += weight;
            predictions[0] -= weight;
        }

        var reached = corrects ? -scale * b * shares[order - 1] : 0;
        predictions[0] -= reached;
        return new(sample, predictions, reached);
    }

    /// <summary>The right-hand sides: k!·φ(k+1)(h)·h/B(h), for k from 1 on.</summary>
    private static double[] Moments(int order, double h, double growth, double b)
    {
        var moments = new double[order];
        var phi = growth / h - 1;
        double factorial = 1;
        for (var i = 0; i < order; i++)
        {
            moments[i] = phi * factorial / b;
            factorial *= i + 2;
            phi = phi / h - 1 / factorial;
        }

        return moments;
    }

    /// <summary>
    /// The shares a of the differences, Σ a·r^k = moment k; the smallest systems are taken for ½, as in the paper.
    /// </summary>
    private static double[] Shares(double[] ratios, double[] moments, bool corrects)
    {
        var unknowns = corrects ? ratios.Length : ratios.Length - 1;
        if (unknowns == 1)
        {
            return [0.5];
        }

        // Vandermonde: Gauss's elimination, of two or three unknowns.
        var rows = new double[unknowns][];
        for (var k = 0; k < unknowns; k++)
        {
            var power = k;
            rows[k] = [.. ratios.Take(unknowns).Select(ratio => Math.Pow(ratio, power)), moments[k]];
        }

        for (var pivot = 0; pivot < unknowns; pivot++)
        {
            var best = Enumerable.Range(pivot, unknowns - pivot).MaxBy(row => Math.Abs(rows[row][pivot]));
            (rows[pivot], rows[best]) = (rows[best], rows[pivot]);
            for (var row = 0; row < unknowns; row++)
            {
                if (row != pivot)
                {
                    var factor = rows[row][pivot] / rows[pivot][pivot];
                    rows[row] = [.. rows[row].Zip(rows[pivot], (value, other) => value - factor * other)];
                }
            }
        }

        return [.. rows.Select((row, i) => row[unknowns] / row[i])];
    }
}
