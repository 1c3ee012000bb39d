using static TorchSharp.torch;

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
        : LevelSampling(config, path.Timesteps, [.. path.Sigmas.Select(Level.OfSigma)])
    {
        private readonly SolverSettings solver = config.Solver;
        private readonly History predictions = new(config.Solver.SolverOrder);
        private readonly History last = new(1);
        private readonly CleanLimit? limit =
            CleanLimit.From(config, clips: false, thresholds: config.Solver.PredictX0);

        private int order;

        protected override Tensor Advance(Tensor output, int index, Tensor sample, NoiseSource? noise)
        {
            var prediction = Converted(output, index, sample);
            var dtype = sample.dtype;
            var from = sample;
            if (last.Count > 0 && !solver.DisableCorrector.Contains(index - 1))
            {
                var corrector = UniPcWeights.Of(solver, Path(index, order), corrects: true);
                from = Sum(corrector, last[0]).add_(prediction, corrector.Reached);
            }

            predictions.Push(prediction);
            last.Push(ReferenceEquals(from, sample) ? sample.clone() : from);
            var most = solver.LowerOrderFinal
                ? Math.Min(solver.SolverOrder, Timesteps.Count - index)
                : solver.SolverOrder;
            order = Math.Min(most, predictions.Count);
            return Sum(UniPcWeights.Of(solver, Path(index + 1, order), corrects: false), last[0]).to_type(dtype);
        }

        protected override void Forget()
        {
            predictions.Clear();
            last.Clear();
        }

        /// <summary>The level at an index and those before it, one more than the order.</summary>
        private Level[] Path(int index, int count) =>
            [.. Enumerable.Range(0, count + 1).Select(age => Levels[index - age])];

        private Tensor Sum(UniPcWeights weights, Tensor sample) => weights.Predictions switch
        {
            [var a] => Combination.Wide((weights.Sample, sample), (a, predictions[0])),
            [var a, var b] => Combination.Wide(
                (weights.Sample, sample), (a, predictions[0]), (b, predictions[1])),
            [var a, var b, var c] => Combination.Wide(
                (weights.Sample, sample), (a, predictions[0]), (b, predictions[1]), (c, predictions[2])),
            _ => throw new InvalidOperationException("UniPC looks back on three predictions at most"),
        };

        /// <summary>The clean sample or the noise, whichever the solver solves for; a tensor of its own.</summary>
        private Tensor Converted(Tensor output, int index, Tensor sample)
        {
            var level = Levels[index];
            var shares = solver.PredictX0 ? level.Clean(Prediction) : level.Epsilon(Prediction);
            var converted = Combination.Wide((shares.Sample, sample), (shares.Output, output));
            return limit?.Apply(converted) ?? converted;
        }
    }
}
