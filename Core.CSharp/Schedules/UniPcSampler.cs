namespace Recipes.Core.Schedules;

/// <summary>
/// UniPC (Zhao et al. 2023): each answer of the model first corrects the step that led to it, then predicts the next.
/// </summary>
public sealed class UniPcSampler : ISampler
{
    private readonly SchedulerConfig config;

    /// <exception cref="RecipesException">The config's solver settings do not go together.</exception>
    public UniPcSampler(SchedulerConfig config)
    {
        var solver = config.Solver;
        if (!solver.FinalSigmaIsLeast && (!solver.PredictX0 || !solver.LowerOrderFinal && solver.SolverOrder > 1))
        {
            var field = solver.PredictX0 ? "lower_order_final" : "predict_x0";
            throw new RecipesException(
                config.Where,
                $"\"final_sigmas_type\" is \"zero\" where \"{field}\" is false: no step of it reaches a level without "
                    + "noise",
                $"Set \"final_sigmas_type\" to \"sigma_min\", or \"{field}\" to true.");
        }

        this.config = config;
    }

    /// <inheritdoc/>
    public ISampling Begin(int steps)
    {
        using var schedule = new NoiseSchedule(config);
        var settings = config.Solver with { UseLuLambdas = false, LambdaMinClipped = double.NegativeInfinity };
        var path = SigmaPath.Whole(config, new SigmaTable(schedule), steps, settings, finalIsSpread: true);
        return new Sampling(config, path);
    }

    private sealed class Sampling(SchedulerConfig config, SigmaPath path)
        : LevelSampling(
            config,
            path.Timesteps,
            [.. path.Sigmas.Select(Level.OfSigma)],
            config.Solver.SolverOrder + 2,
            CleanLimit.From(config, clips: false, thresholds: config.Solver.PredictX0))
    {
        private readonly SolverSettings solver = config.Solver;

        public override LinearStep At(int index, int start)
        {
            // Behind the sample's slot what the last step started from, then the predictions before, newest first.
            LinearForm[] before = [.. Enumerable.Range(2, solver.SolverOrder).Select(Known.Slot)];
            var prediction = solver.PredictX0 ? Clean(index) : Epsilon(index);
            var from = Known.Sample;
            if (index > start && !solver.DisableCorrector.Contains(index - 1))
            {
                var corrector = UniPcWeights.Of(solver, Path(index, OrderAt(index - 1, start)), corrects: true);
                from = Sum(corrector, Known.Slot(1), before) + corrector.Reached * prediction;
            }

            LinearForm[] predictions = [prediction, .. before[..^1]];
            var predictor = UniPcWeights.Of(solver, Path(index + 1, OrderAt(index, start)), corrects: false);
            return new([Sum(predictor, from, predictions), from, .. predictions]);
        }

        /// <summary>The predictions that a step looks at.</summary>
        private int OrderAt(int index, int start)
        {
            var most = solver.LowerOrderFinal
                ? Math.Min(solver.SolverOrder, Timesteps.Count - index)
                : solver.SolverOrder;
            return Math.Min(most, index - start + 1);
        }

        /// <summary>The level at an index and those before it, one more than the order.</summary>
        private Level[] Path(int index, int count) =>
            [.. Enumerable.Range(0, count + 1).Select(age => Levels[index - age])];

        private static LinearForm Sum(UniPcWeights weights, LinearForm sample, LinearForm[] predictions)
        {
            var sum = weights.Sample * sample;
            for (var age = 0; age < weights.Predictions.Length; age++)
            {
                sum += weights.Predictions[age] * predictions[age];
            }

            return sum;
        }
    }
}
