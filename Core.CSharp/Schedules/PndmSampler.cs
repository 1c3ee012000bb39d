using static TorchSharp.torch;

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
        private readonly SchedulerConfig config;
        private readonly float[] alphas;
        private readonly long[] visited;
        private readonly long stride;
        private readonly int slopes;
        private readonly History outputs = new(4);
        private readonly History inner = new(RungeKuttaEvaluations);
        private readonly History start = new(1);

        // Evaluations since the way began, which need not be at the first timestep: the reference counts so.
        private int count;

        public Sampling(SchedulerConfig config, long[] visited, long stride, int slopes)
            : this(config, visited, stride, slopes, Alphas(config))
        {
        }

        private Sampling(SchedulerConfig config, long[] visited, long stride, int slopes, float[] alphas)
            : base(
                config,
                [.. visited.Select(timestep => (double)timestep)],
                [.. visited.Select(t => Level.OfAlpha(alphas[t])), Level.OfAlpha(config.SetAlphaToOne ? 1 : alphas[0])])
        {
            this.config = config;
            this.visited = visited;
            this.stride = stride;
            this.slopes = slopes;
            this.alphas = alphas;
        }

        protected override Tensor Advance(Tensor output, int index, Tensor sample, NoiseSource? noise)
        {
            var next = count < slopes ? RungeKutta(output, index, sample) : Multistep(output, index, sample);
            count++;
            return next;
        }

        protected override void Forget()
        {
            count = 0;
            outputs.Clear();
            inner.Clear();
            start.Clear();
        }

        private static float[] Alphas(SchedulerConfig config)
        {
            using var schedule = new NoiseSchedule(config);
            return [.. Enumerable.Range(0, schedule.Count).Select(timestep => schedule.Alpha(timestep))];
        }

        private Tensor RungeKutta(Tensor output, int index, Tensor sample)
        {
            var stage = count % RungeKuttaEvaluations;
            if (stage == 0)
            {
                inner.Clear();
                outputs.Push(output.clone());
                start.Push(sample.clone());
            }

            inner.Push(output.clone());
            var to = visited[index] - (stage % 2 == 0 ? stride / 2 : 0);
            var from = visited[count - stage];
            return stage < RungeKuttaEvaluations - 1
                ? Transfer(start[0], from, to, (1, output))
                : Transfer(
                    start[0],
                    from,
                    to,
                    (1 / 6.0, inner[3]),
                    (1 / 3.0, inner[2]),
                    (1 / 3.0, inner[1]),
                    (1 / 6.0, output));
        }

        private Tensor Multistep(Tensor output, int index, Tensor sample)
        {
            var from = visited[index];
            var to = from - stride;
            if (count == 1)
            {
                // The first step once more, with the mean of the slopes at both its ends.
                return Transfer(start[0], from + stride, from, (0.5, output), (0.5, outputs[0]));
            }

            outputs.Push(output.clone());
            if (count == 0)
            {
                start.Push(sample.clone());
            }

            return outputs.Count switch
            {
                1 => Transfer(sample, from, to, (1, outputs[0])),
                2 => Transfer(sample, from, to, (3 / 2.0, outputs[0]), (-1 / 2.0, outputs[1])),
                3 => Transfer(
                    sample, from, to, (23 / 12.0, outputs[0]), (-16 / 12.0, outputs[1]), (5 / 12.0, outputs[2])),
                _ => Transfer(
                    sample,
                    from,
                    to,
                    (55 / 24.0, outputs[0]),
                    (-59 / 24.0, outputs[1]),
                    (37 / 24.0, outputs[2]),
                    (-9 / 24.0, outputs[3])),
            };
        }

        /// <summary>The sample of another timestep, by a weighted sum of answers of the model (equation 9).</summary>
        private Tensor Transfer(
            Tensor sample, long from, long to, params ReadOnlySpan<(double Weight, Tensor Output)> answers)
        {
            double alpha = alphas[from];
            double reached = to >= 0 ? alphas[to] : config.SetAlphaToOne ? 1 : alphas[0];
            var slope = (reached - alpha)
                / (alpha * Math.Sqrt(1 - reached) + Math.Sqrt(alpha * (1 - alpha) * reached));
            var epsilon = Level.OfAlpha((float)alpha).Epsilon(Prediction);
            var terms = new (double, Tensor)[answers.Length + 1];
            terms[0] = (Math.Sqrt(reached / alpha) - slope * epsilon.Sample, sample);
            for (var i = 0; i < answers.Length; i++)
            {
                terms[i + 1] = (-slope * epsilon.Output * answers[i].Weight, answers[i].Output);
            }

            return Combination.Of(sample.dtype, terms);
        }
    }
}
