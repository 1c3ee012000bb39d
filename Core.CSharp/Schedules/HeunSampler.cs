namespace Recipes.Core.Schedules;

/// <summary>Heun's method: an Euler step, mended by the slope at its end (Karras et al. 2022, algorithm 1).</summary>
public sealed class HeunSampler(SchedulerConfig config) : ISampler
{
    /// <inheritdoc/>
    public ISampling Begin(int steps)
    {
        // The reference has neither zero terminal SNR nor Euler's special levels for this sampler.
        var known = new SolverSettings
        {
            UseKarrasSigmas = config.Solver.UseKarrasSigmas,
            UseExponentialSigmas = config.Solver.UseExponentialSigmas,
        };
        var noise = config with { RescaleBetasZeroSnr = false };
        using var schedule = new NoiseSchedule(noise);
        var path = SigmaPath.Continuous(noise, new SigmaTable(schedule), steps, known);
        return new Sampling(
            noise,
            Twice(path.Timesteps),
            [.. Twice(path.Sigmas[..steps]).Append(path.Sigmas[steps]).Select(Level.OnTop)],
            path.InitialSigma(noise));
    }

    /// <summary>All but the first of the values twice.</summary>
    private static double[] Twice(double[] values) =>
        [values[0], .. values.Skip(1).SelectMany(value => new[] { value, value })];

    private sealed class Sampling(
        SchedulerConfig config, double[] timesteps, Level[] levels, double initialSigma)
        : LevelSampling(
            config,
            timesteps,
            levels,
            3,
            CleanLimit.From(config, clips: true, thresholds: false),
            initialSigma)
    {
        public override int Order => 2;

        public override LinearStep At(int index, int start)
        {
            // Between a step's two evaluations: the sample it started from and the slope there.
            var (first, slope) = (Known.Slot(1), Known.Slot(2));
            if (index % 2 == 0)
            {
                var distance = Levels[index + 1].Noise - Levels[index].Noise;
                return new([Known.Sample + distance * Slope(index), Known.Sample, Slope(index)]);
            }

            // A way that starts here has no step to correct.
            var half = (Levels[index].Noise - Levels[index - 1].Noise) / 2;
            var next = index == start ? Known.Sample : first + half * slope + half * Slope(index);
            return new([next, Known.None, Known.None]);
        }

        /// <summary>d sample / dσ, which is the noise that the sample would have without a limit.</summary>
        private LinearForm Slope(int index)
        {
            var noise = Levels[index].Noise;
            return IsLinear ? Epsilon(index) : 1 / noise * Known.Sample + -1 / noise * Clean(index);
        }
    }
}
