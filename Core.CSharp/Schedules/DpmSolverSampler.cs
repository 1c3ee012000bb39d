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
        : LevelSampling(
            config,
            path.Timesteps,
            [.. path.Sigmas.Select(Level.OfSigma)],
            config.Solver.SolverOrder,
            CleanLimit.From(config, clips: false, thresholds: true))
    {
        private readonly SolverSettings solver = config.Solver;

        public override LinearStep At(int index, int start)
        {
            // Behind the sample's slot the predictions of the steps before, newest first.
            LinearForm[] predictions = [Converted(index), .. Enumerable.Range(1, Slots - 1).Select(Known.Slot)];
            var order = Math.Min(index - start + 1, MostPredictions(index));
            var weights = DpmSolverWeights.Of(
                solver, [Levels[index + 1], .. Enumerable.Range(0, order).Select(age => Levels[index - age])]);
            var next = weights.Sample * Known.Sample + weights.Newest * predictions[0];
            if (order > 1)
            {
                next += weights.Second * predictions[1];
            }

            if (order > 2)
            {
                next += weights.Third * predictions[2];
            }

            if (solver.Stochastic)
            {
                next += weights.Fresh * Known.Fresh;
            }

            return new([next, .. predictions[..^1]], solver.Stochastic);
        }

        /// <summary>Predictions a step may look at. Only the first order reaches a level without noise.</summary>
        private int MostPredictions(int index)
        {
            var left = Timesteps.Count - index;
            var few = solver.LowerOrderFinal && Timesteps.Count < 15;
            return left switch
            {
                1 when few || solver.EulerAtFinal || !solver.FinalSigmaIsLeast => 1,
                2 when few => Math.Min(2, solver.SolverOrder),
                _ => solver.SolverOrder,
            };
        }

        /// <summary>The clean sample or the noise, whichever the solver solves for.</summary>
        private LinearForm Converted(int index)
        {
            var level = Levels[index];
            return (solver.SolvesForNoise, IsLinear) switch
            {
                (false, _) => Clean(index),
                (true, true) => Epsilon(index),
                _ => 1 / level.Noise * Known.Sample + -level.Signal / level.Noise * Clean(index),
            };
        }
    }
}
