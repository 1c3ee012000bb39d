using static TorchSharp.torch;

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
        : LevelSampling(config, timesteps, levels, initialSigma)
    {
        private readonly CleanLimit? limit = CleanLimit.From(config, clips: true, thresholds: false);

        // The sample a step started from and the slope there, between its two evaluations.
        private readonly History start = new(2);

        public override int Order => 2;

        protected override Tensor Advance(Tensor output, int index, Tensor sample, NoiseSource? noise)
        {
            if (index % 2 == 0)
            {
                var slope = Slope(output, index, sample);
                start.Push(sample.clone());
                start.Push(slope);
                var distance = Levels[index + 1].Noise - Levels[index].Noise;
                return Combination.Of(sample.dtype, (1, sample), (distance, slope));
            }

            // A way that starts here has no step to correct.
            if (start.Count == 0)
            {
                return sample.clone();
            }

            var half = (Levels[index].Noise - Levels[index - 1].Noise) / 2;
            var corrected = Combination.Of(
                sample.dtype, (1, start[1]), (half, start[0]), (half, Slope(output, index, sample)));
            start.Clear();
            return corrected;
        }

        protected override void Forget() => start.Clear();

        /// <summary>d sample / dσ, which is the noise that the sample would have without a limit.</summary>
        private Tensor Slope(Tensor output, int index, Tensor sample)
        {
            var level = Levels[index];
            if (limit is null)
            {
                var (fromSample, fromOutput) = level.Epsilon(Prediction);
                return Combination.Wide((fromSample, sample), (fromOutput, output));
            }

            var (cleanSample, cleanOutput) = level.Clean(Prediction);
            var clean = limit.Apply(Combination.Wide((cleanSample, sample), (cleanOutput, output)));
            return Combination.Wide((1 / level.Noise, sample), (-1 / level.Noise, clean));
        }
    }
}
