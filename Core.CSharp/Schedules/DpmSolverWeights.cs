namespace Recipes.Core.Schedules;

/// <summary>
/// What a multistep DPM-Solver step's result is made of: DPM-Solver (Lu et al. 2022, section 3) solves for the noise,
/// DPM-Solver++ (Lu et al. 2023, section 4 and appendix A) for the clean sample, each also as a stochastic equation.
/// </summary>
/// <param name="Sample">Weight of the sample before.</param>
/// <param name="Newest">Weight of the newest prediction.</param>
/// <param name="Second">Weight of the one before it.</param>
/// <param name="Third">Weight of the one before that.</param>
/// <param name="Fresh">Weight of new noise.</param>
internal readonly record struct DpmSolverWeights(
    double Sample, double Newest, double Second, double Third, double Fresh)
{
    /// <summary>The weights of a step.</summary>
    /// <param name="settings">Which of the four equations, and which second-order form.</param>
    /// <param name="levels">The level stepped to, then those of the predictions, newest first: 2, 3 or 4.</param>
    public static DpmSolverWeights Of(SolverSettings settings, ReadOnlySpan<Level> levels)
    {
        var (to, from) = (levels[0], levels[1]);
        var h = to.HalfLogSnr - from.HalfLogSnr;
        var basis = Basis(settings, to, from, h);
        var weights = new DpmSolverWeights(basis.Sample, basis.Value, 0, 0, basis.Fresh);
        if (levels.Length == 2)
        {
            return weights;
        }

        var r0 = (from.HalfLogSnr - levels[2].HalfLogSnr) / h;
        if (levels.Length == 3)
        {
            var slope = settings.SolverType == "heun" ? basis.Slope : basis.Value / 2;
            return weights with { Newest = basis.Value + slope / r0, Second = -slope / r0 };
        }

        var r1 = (levels[2].HalfLogSnr - levels[3].HalfLogSnr) / h;
        var bend = basis.Curvature / (r0 + r1);
        var near = basis.Slope * (1 + r0 / (r0 + r1)) + bend;
        var far = -basis.Slope * r0 / (r0 + r1) - bend;
        return weights with
        {
            Newest = basis.Value + near / r0,
            Second = -near / r0 + far / r1,
            Third = -far / r1,
        };
    }

    /// <summary>Weights of the sample, of the prediction and its first two derivatives, and of new noise.</summary>
    private static (double Sample, double Value, double Slope, double Curvature, double Fresh) Basis(
        SolverSettings settings, Level to, Level from, double h)
    {
        var noiseRatio = to.Noise / from.Noise;
        var signalRatio = to.Signal / from.Signal;
        var grown = Math.Exp(h) - 1;
        var shrunk = Math.Exp(-h) - 1;
        var shrunkTwice = Math.Exp(-2 * h) - 1;
        return (settings.Stochastic, settings.SolvesForNoise) switch
        {
            (false, false) => (
                noiseRatio,
                -to.Signal * shrunk,
                to.Signal * (shrunk / h + 1),
                -to.Signal * ((shrunk + h) / (h * h) - 0.5),
                0),
            (false, true) => (
                signalRatio,
                -to.Noise * grown,
                -to.Noise * (grown / h - 1),
                -to.Noise * ((grown - h) / (h * h) - 0.5),
                0),
            (true, false) => (
                noiseRatio * Math.Exp(-h),
                -to.Signal * shrunkTwice,
                to.Signal * (shrunkTwice / (2 * h) + 1),
                -to.Signal * ((shrunkTwice + 2 * h) / (4 * h * h) + 0.5),
                to.Noise * Math.Sqrt(-shrunkTwice)),
            _ => (
                signalRatio,
                -2 * to.Noise * grown,
                -2 * to.Noise * (grown / h - 1),
                double.NaN,
                to.Noise * Math.Sqrt(Math.Exp(2 * h) - 1)),
        };
    }
}
