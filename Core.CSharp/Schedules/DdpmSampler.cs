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
            var alpha = schedule.Alpha(timesteps[i]);
            var alphaBefore = i + 1 < steps ? schedule.Alpha(timesteps[i + 1]) : 1;
            var (noise, noiseBefore) = (1.0 - alpha, 1.0 - alphaBefore);
            // In float32, as the reference has them: between neighbours the difference to 1 keeps four digits only.
            var share = alpha / alphaBefore;
            double beta = 1 - share;
            var added = config.Solver.LargeVariance ? beta : Math.Max(noiseBefore / noise * beta, 1e-20);
            weights[i] = new(
                Math.Sqrt(alphaBefore) * beta / noise,
                0,
                Math.Sqrt(share) * noiseBefore / noise,
                timesteps[i] > 0 ? Math.Sqrt(added) : null);
            levels[i] = Level.OfAlpha(alpha);
        }

        var limit = CleanLimit.From(config, clips: true, thresholds: true);
        return new DirectSampling(config, [.. timesteps.Select(t => (double)t)], levels, weights, limit);
    }
}
