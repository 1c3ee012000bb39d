namespace Recipes.Core.Schedules;

/// <summary>
/// Pseudo numerical methods for diffusion models (Liu et al. 2022, equations 9, 12 and 13): three Runge-Kutta steps of
/// four evaluations, unless left out, then linear multistep ones.
/// </summary>
public sealed class PndmSampler : ISampler
{
    private const int RungeKuttaSteps = 3;
    private const int RungeKuttaEvaluations = 4;

    private readonly SchedulerConfig config;

    /// <exception cref="RecipesException">The model predicts samples, which this sampler cannot step from.</exception>
    public PndmSampler(SchedulerConfig config)
    {
        SamplePrediction.Refuse(config, "PNDM");
        // The reference has no zero terminal SNR for this sampler.
        this.config = config with { RescaleBetasZeroSnr = false };
    }

    /// <inheritdoc/>
    public ISampling Begin(int steps)
    {
        var visited = Spacing.Timesteps(config, config.TimestepSpacing, steps);
        var stride = config.NumTrainTimesteps / steps;
        if (config.Solver.SkipPrkSteps ?? false)
        {
            return new Sampling(config, [.. visited.Take(2), .. visited.Skip(1)], stride, 0);
        }

        if (steps <= RungeKuttaSteps)
        {
            throw new RecipesException(
                "Sampling",
                $"{steps} steps of PNDM are asked for, whose first three are Runge-Kutta's and lead to a fourth",
                "Take 4 steps or more, or set \"skip_prk_steps\" to true.");
        }

        long[] slopes = [.. visited.Take(RungeKuttaSteps).SelectMany((timestep, step) =>
        {
            var middle = visited[step + 1] + stride / 2;
            return new[] { timestep, middle, middle, visited[step + 1] };
        })];
        return new Sampling(config, [.. slopes, .. visited.Skip(RungeKuttaSteps)], stride, slopes.Length);
    }

    private sealed class Sampling : LevelSampling
    {
        // The slots: the sample, one to step from again, the last three answers, newest first, and where there are
        // Runge-Kutta steps the sum of the slopes of the one being taken.
        private const int Start = 1;
        private const int Answers = 2;
        private const int Remembered = 3;
        private const int Slopes = Answers + Remembered;

        private readonly SchedulerConfig config;
        private readonly float[] alphas;
        private readonly long[] visited;
        private readonly long stride;
        private readonly int slopes;

        public Sampling(SchedulerConfig config, long[] visited, long stride, int slopes)
            : this(config, visited, stride, slopes, Alphas(config))
        {
        }

        private Sampling(SchedulerConfig config, long[] visited, long stride, int slopes, float[] alphas)
            : base(
                config,
                [.. visited.Select(timestep => (double)timestep)],
                [.. visited.Select(t => Level.OfAlpha(alphas[t])), Level.OfAlpha(config.SetAlphaToOne ? 1 : alphas[0])],
                slopes > 0 ? Slopes + 1 : Slopes,
                null)
        {
            this.config = config;
            this.visited = visited;
            this.stride = stride;
            this.slopes = slopes;
            this.alphas = alphas;
        }

        public override LinearStep At(int index, int start)
        {
            // The reference counts from where the way begins, which need not be at the first timestep.
            var count = index - start;
            return count < slopes ? RungeKutta(index, count) : Multistep(index, count);
        }

        private static float[] Alphas(SchedulerConfig config)
        {
            using var schedule = new NoiseSchedule(config);
            return [.. Enumerable.Range(0, schedule.Count).Select(timestep => schedule.Alpha(timestep))];
        }

        private LinearStep RungeKutta(int index, int count)
        {
            var stage = count % RungeKuttaEvaluations;
            var first = stage == 0;
            var from = visited[count - stage];
            var to = visited[index] - (stage % 2 == 0 ? stride / 2 : 0);
            var beginning = first ? Known.Sample : Known.Slot(Start);
            var sum = first ? 1 / 6.0 * Known.Output
                : Known.Slot(Slopes) + (stage == RungeKuttaEvaluations - 1 ? 1 / 6.0 : 1 / 3.0) * Known.Output;
            var answer = stage < RungeKuttaEvaluations - 1 ? Known.Output : sum;
            return new([Transfer(beginning, from, to, answer), beginning, .. Kept(first), sum]);
        }

        private LinearStep Multistep(int index, int count)
        {
            var from = visited[index];
            var to = from - stride;
            LinearForm[] unused = Slots > Slopes ? [Known.None] : [];

            // The first step once more, with the mean of the slopes at both its ends.
            if (count == 1)
            {
                var mean = 0.5 * Known.Output + 0.5 * Known.Slot(Answers);
                var again = Transfer(Known.Slot(Start), from + stride, from, mean);
                return new([again, Known.Slot(Start), .. Kept(false), .. unused]);
            }

            double[] weights = (slopes > 0 ? int.MaxValue : count) switch
            {
                0 => [1],
                2 => [3 / 2.0, -1 / 2.0],
                3 => [23 / 12.0, -16 / 12.0, 5 / 12.0],
                _ => [55 / 24.0, -59 / 24.0, 37 / 24.0, -9 / 24.0],
            };
            var answer = weights[0] * Known.Output;
            for (var age = 1; age < weights.Length; age++)
            {
                answer += weights[age] * Known.Slot(Answers + age - 1);
            }

            var start = count == 0 ? Known.Sample : Known.Slot(Start);
            return new([Transfer(Known.Sample, from, to, answer), start, .. Kept(true), .. unused]);
        }

        /// <summary>The answers to remember, this evaluation's first where it is one of them.</summary>
        private IEnumerable<LinearForm> Kept(bool newest) => newest
            ? [Known.Output, .. Enumerable.Range(Answers, Remembered - 1).Select(Known.Slot)]
            : Enumerable.Range(Answers, Remembered).Select(Known.Slot);

        /// <summary>The sample of another timestep, by a weighted sum of answers of the model (equation 9).</summary>
        private LinearForm Transfer(LinearForm sample, long from, long to, LinearForm answer)
        {
            double alpha = alphas[from];
            double reached = to >= 0 ? alphas[to] : config.SetAlphaToOne ? 1 : alphas[0];
            var slope = (reached - alpha)
                / (alpha * Math.Sqrt(1 - reached) + Math.Sqrt(alpha * (1 - alpha) * reached));
            var epsilon = Level.OfAlpha((float)alpha).Epsilon(Prediction);
            return (Math.Sqrt(reached / alpha) - slope * epsilon.Sample) * sample
                + -slope * epsilon.Output * answer;
        }
    }
}
