using static TorchSharp.torch;

namespace Recipes.Core.Schedules;

/// <summary>
/// Multistep DPM-Solver and DPM-Solver++, "DPM++ 2M" at order 2 (Lu et al. 2022 and 2023), deterministic or stochastic.
/// </summary>
public sealed class DpmSolverSampler : ISampler
{
    private readonly SchedulerConfig config;

    /// <exception cref="RecipesException">The config's solver settings do not go together.</exception>
    public DpmSolverSampler(SchedulerConfig config)
    {
        var solver = config.Solver;
        if (solver.SolvesForNoise && !solver.FinalSigmaIsLeast)
        {
            throw new RecipesException(
                config.Where,
                "\"final_sigmas_type\" is \"zero\" where \"algorithm_type\" solves for the noise, and none is left",
                "Set \"final_sigmas_type\" to \"sigma_min\", or \"algorithm_type\" to \"dpmsolver++\".");
        }

        if (solver.SolvesForNoise && solver.Stochastic && solver.SolverOrder == 3)
        {
            throw new RecipesException(
                config.Where,
                "\"solver_order\" is 3 where \"algorithm_type\" is \"sde-dpmsolver\", which has orders 1 and 2",
                "Set \"solver_order\" to 2, or \"algorithm_type\" to \"sde-dpmsolver++\".");
        }

        this.config = config;
    }

    /// <inheritdoc/>
    public ISampling Begin(int steps)
    {
        using var schedule = new NoiseSchedule(config);
        var settings = config.Solver with { SigmaMin = null, SigmaMax = null };
        var path = SigmaPath.Whole(config, new SigmaTable(schedule), steps, settings, finalIsSpread: false);
        return new Sampling(config, path);
    }

    private sealed class Sampling(SchedulerConfig config, SigmaPath path)
        : LevelSampling(config, path.Timesteps, [.. path.Sigmas.Select(Level.OfSigma)])
    {
        private readonly SolverSettings solver = config.Solver;
        private readonly CleanLimit? limit = CleanLimit.From(config, clips: false, thresholds: true);
        private readonly History predictions = new(config.Solver.SolverOrder);

        protected override Tensor Advance(Tensor output, int index, Tensor sample, NoiseSource? noise)
        {
            predictions.Push(Converted(output, index, sample));
            var order = Math.Min(predictions.Count, MostPredictions(index));
            var weights = DpmSolverWeights.Of(
                solver, [Levels[index + 1], .. Enumerable.Range(0, order).Select(age => Levels[index - age])]);
            var next = order switch
            {
                1 => Combination.Wide((weights.Sample, sample), (weights.Newest, predictions[0])),
                2 => Combination.Wide(
                    (weights.Sample, sample), (weights.Newest, predictions[0]), (weights.Second, predictions[1])),
                _ => Combination.Wide(
                    (weights.Sample, sample),
                    (weights.Newest, predictions[0]),
                    (weights.Second, predictions[1]),
                    (weights.Third, predictions[2])),
            };
            if (solver.Stochastic)
            {
                next.add_(Fresh(next, noise), weights.Fresh);
            }

            return next.to_type(sample.dtype);
        }

        protected override void Forget() => predictions.Clear();

        /// <summary>Predictions a step may look at. Only the first order reaches a level without noise.</summary>
        private int MostPredictions(int index)
        {
            var left = Timesteps.Count - index;
            var few = solver.LowerOrderFinal && Timesteps.Count < 15;
            return left switch
            {
                1 when few || solver.EulerAtFinal || !solver.FinalSigmaIsLeast => 1,
                2 when few => 2,
                _ => solver.SolverOrder,
            };
        }

        /// <summary>The clean sample or the noise, whichever the solver solves for; a tensor of its own.</summary>
        private Tensor Converted(Tensor output, int index, Tensor sample)
        {
            var level = Levels[index];
            if (solver.SolvesForNoise && limit is null)
            {
                var epsilon = level.Epsilon(Prediction);
                return Combination.Wide((epsilon.Sample, sample), (epsilon.Output, output));
            }

            var shares = level.Clean(Prediction);
            var clean = Combination.Wide((shares.Sample, sample), (shares.Output, output));
            clean = limit?.Apply(clean) ?? clean;
            return solver.SolvesForNoise
                ? Combination.Wide((1 / level.Noise, sample), (-level.Signal / level.Noise, clean))
                : clean;
        }
    }
}
