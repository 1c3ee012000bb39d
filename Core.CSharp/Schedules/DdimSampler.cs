namespace Recipes.Core.Schedules;

/// <summary>Denoising diffusion implicit models (Song et al. 2021, equations 12 and 16).</summary>
public sealed class DdimSampler : ISampler
{
    /// <param name="config">The model's noise; fields it leaves out have the reference implementation's values.</param>
    /// <param name="eta">0 adds no noise on the way; 1 adds as much as training's own posterior has.</param>
    public DdimSampler(SchedulerConfig config, double eta = 0)
    {
        if (eta is not (>= 0 and <= 1))
        {
            throw new RecipesException("DDIM", $"eta is {eta}", "Give a number from 0 to 1.");
        }

        Config = config;
        Eta = eta;
    }

    /// <summary>The model's noise.</summary>
    public SchedulerConfig Config { get; }

    /// <summary>How much noise is added on the way, 0 to 1.</summary>
    public double Eta { get; }

    /// <summary>The timesteps of a way of so many steps, falling.</summary>
    public long[] Timesteps(int steps) => Spacing.Timesteps(Config, Config.TimestepSpacing, steps);

    /// <inheritdoc/>
    public ISampling Begin(int steps)
    {
        using var schedule = new NoiseSchedule(Config);
        var timesteps = Timesteps(steps);
        var last = Config.SetAlphaToOne ? 1 : schedule.Alpha(0);
        var weights = new StepWeights[steps];
        var levels = new Level[steps + 1];
        for (var i = 0; i < steps; i++)
        {
            // Not the next of the timesteps: the two differ where these are not leading.
            var before = timesteps[i] - schedule.Count / steps;
            var alphaBefore = before >= 0 ? schedule.Alpha(before) : last;
            var alpha = schedule.Alpha(timesteps[i]);
            var variance = (1.0 - alphaBefore) / (1.0 - alpha) * (1 - alpha / alphaBefore);
            var deviation = Eta * Math.Sqrt(Math.Max(0, variance));
            var direction = Math.Sqrt(Math.Max(0, 1.0 - alphaBefore - deviation * deviation));
            weights[i] = new(Math.Sqrt(alphaBefore), direction, 0, Eta > 0 ? deviation : null);
            levels[i] = Level.OfAlpha(alpha);
            levels[i + 1] = Level.OfAlpha(alphaBefore);
        }

        var limit = CleanLimit.From(Config, clips: true, thresholds: true);
        return new DirectSampling(Config, [.. timesteps.Select(t => (double)t)], levels, weights, limit);
    }
}
