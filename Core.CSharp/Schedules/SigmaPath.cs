namespace Recipes.Core.Schedules;

/// <summary>The noise levels that samplers over σ step along.</summary>
/// <param name="Timesteps">What the model is told, N.</param>
/// <param name="Sigmas">σ at each of them and after the last, N + 1, rounded to float32.</param>
internal sealed record SigmaPath(double[] Timesteps, double[] Sigmas)
{
    /// <summary>The standard deviation that noise on top of the signal starts with.</summary>
    public double InitialSigma(SchedulerConfig config) =>
        config.TimestepSpacing == TimestepSpacing.Leading
            ? Math.Sqrt(Sigmas.Max() * Sigmas.Max() + 1)
            : Sigmas.Max();

    /// <summary>Levels at N timesteps, which need not be whole: Euler's and Heun's.</summary>
    /// <param name="config">Spacing and the settings of spread levels.</param>
    /// <param name="table">σ in training.</param>
    /// <param name="steps">N.</param>
    /// <param name="settings">The settings the sampler knows, the others as if absent.</param>
    public static SigmaPath Continuous(SchedulerConfig config, SigmaTable table, int steps, SolverSettings settings)
    {
        Spacing.CheckSteps(config.NumTrainTimesteps, steps);
        double[] timesteps = config.TimestepSpacing == TimestepSpacing.Linspace
            ? [.. Spacing.Even(config.NumTrainTimesteps, steps).Select(timestep => (double)(float)timestep)]
            : [.. Spacing.Timesteps(config, config.TimestepSpacing, steps).Select(timestep => (double)timestep)];
        double[] sigmas = settings.LogLinearInterpolation
            ? SigmaTable.Exponential(table.Most, table.Least, steps + 1)
            : [.. timesteps.Select(table.At)];
        if (settings.UseKarrasSigmas || settings.UseExponentialSigmas)
        {
            sigmas = Spread(settings, sigmas[0], sigmas[^1], steps);
            timesteps = [.. sigmas.Select(table.Timestep)];
        }

        double last = settings.FinalSigmaIsLeast ? table.Least : 0;
        sigmas = Rounded([.. sigmas, last]);
        if (settings.ContinuousTimesteps && config.PredictionType == PredictionType.Velocity)
        {
            timesteps = [.. sigmas[..steps].Select(sigma => 0.25 * MathF.Log((float)sigma))];
        }

        return new(Rounded(timesteps), sigmas[..(steps + 1)]);
    }

    /// <summary>Levels at N whole timesteps: those of DPM++ and UniPC.</summary>
    /// <param name="config">Spacing and the settings of spread levels.</param>
    /// <param name="table">σ in training.</param>
    /// <param name="steps">N.</param>
    /// <param name="settings">The settings the sampler knows, the others as if absent.</param>
    /// <param name="finalIsSpread">Whether the least spread level, not the least of training, may end the way.</param>
    public static SigmaPath Whole(
        SchedulerConfig config, SigmaTable table, int steps, SolverSettings settings, bool finalIsSpread)
    {
        double[] timesteps;
        double[] sigmas;
        var spread = settings.UseKarrasSigmas || settings.UseExponentialSigmas || settings.UseLuLambdas;
        if (spread)
        {
            Spacing.CheckSteps(config.NumTrainTimesteps, steps);
            sigmas = Spread(settings, table.Most, table.Least, steps);
            // Exponential levels' timesteps are cut, the others' rounded, but for DPM++ on a cosine schedule.
            var rounded = !settings.UseExponentialSigmas
                && (finalIsSpread || config.BetaSchedule != BetaSchedule.SquaredCosine);
            timesteps = [.. sigmas.Select(table.Timestep).Select(t => Math.Truncate(rounded ? Math.Round(t) : t))];
        }
        else
        {
            var last = table.CountAbove(settings.LambdaMinClipped);
            if (last == 0)
            {
                throw new RecipesException(
                    config.Where,
                    $"\"lambda_min_clipped\" is {settings.LambdaMinClipped}, more than at any timestep",
                    "Remove it, or give -5.1.");
            }

            timesteps = [.. Spacing.SolverTimesteps(config, steps, last).Select(timestep => (double)timestep)];
            sigmas = [.. timesteps.Select(table.At)];
        }

        var least = spread && finalIsSpread ? sigmas[^1] : table.Least;
        return new(timesteps, Rounded([.. sigmas, settings.FinalSigmaIsLeast ? least : 0]));
    }

    private static double[] Spread(SolverSettings settings, double most, double least, int steps)
    {
        most = settings.SigmaMax ?? most;
        least = settings.SigmaMin ?? least;
        return settings.UseKarrasSigmas
            ? SigmaTable.Karras(most, least, steps)
            : SigmaTable.Exponential(most, least, steps);
    }

    private static double[] Rounded(double[] values) => [.. values.Select(value => (double)(float)value)];
}
