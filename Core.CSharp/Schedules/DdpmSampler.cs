namespace Recipes.Core.Schedules;

/// <summary>Denoising diffusion probabilistic models (Ho et al. 2020, equation 7 and algorithm 2).</summary>
public sealed class DdpmSampler(SchedulerConfig config) : ISampler
{
    /// <inheritdoc/>
    public ISampling Begin(int steps)
    {
        using var schedule = new NoiseSchedule(config);
        var timesteps = Spacing.Timesteps(config, config.TimestepSpacing, steps);
        var weights = new StepWeights[steps];
        var levels = new Level[steps + 1];
        levels[steps] = Level.OfAlpha(1);
        for (var i = 0; i < steps; i++)
        {
            double alpha = schedule.Alpha(timesteps[i]);
            double alphaBefore = i + 1 < steps ? schedule.Alpha(timesteps[i + 1]) : 1;
            var share = alpha / alphaBefore;
            var variance = (1 - alphaBefore) / (1 - alpha) * (1 - share);
            var added = config.Solver.LargeVariance ? 1 - share : Math.Max(variance, 1e-20);
            weights[i] = new(
                Math.Sqrt(alphaBefore) * (1 - share) / (1 - alpha),
                0,
                Math.Sqrt(share) * (1 - alphaBefore) / (1 - alpha),
                timesteps[i] > 0 ? Math.Sqrt(added) : null);
            levels[i] = Level.OfAlpha((float)alpha);
        }

        var limit = CleanLimit.From(config, clips: true, thresholds: true);
        return new DirectSampling(config, [.. timesteps.Select(t => (double)t)], levels, weights, limit);
    }
}
