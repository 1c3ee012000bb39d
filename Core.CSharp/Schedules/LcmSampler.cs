namespace Recipes.Core.Schedules;

/// <summary>
/// Latent consistency models (Luo et al. 2023, algorithm 3): each answer is taken for the clean sample, and noise is
/// added again.
/// </summary>
public sealed class LcmSampler(SchedulerConfig config) : ISampler
{
    // Deviation of the data that the boundary condition assumes (Song et al. 2023, appendix C).
    private const double DataDeviation = 0.5;

    /// <inheritdoc/>
    public ISampling Begin(int steps)
    {
        using var schedule = new NoiseSchedule(config);
        var timesteps = Timesteps(steps);
        var weights = new StepWeights[steps];
        var levels = new Level[steps + 1];
        levels[steps] = Level.OfAlpha(1);
        for (var i = 0; i < steps; i++)
        {
            levels[i] = Level.OfAlpha(schedule.Alpha(timesteps[i]));
            var scaled = timesteps[i] * config.Solver.TimestepScaling;
            var variance = scaled * scaled + DataDeviation * DataDeviation;
            var skip = DataDeviation * DataDeviation / variance;
            var share = scaled / Math.Sqrt(variance);
            var next = i + 1 < steps ? Level.OfAlpha(schedule.Alpha(timesteps[i + 1])) : Level.OfAlpha(1);
            weights[i] = new(next.Signal * share, 0, next.Signal * skip, i + 1 < steps ? next.Noise : null);
        }

        var limit = CleanLimit.From(config, clips: true, thresholds: true);
        return new DirectSampling(config, [.. timesteps.Select(t => (double)t)], levels, weights, limit);
    }

    /// <summary>N of the timesteps that the model was distilled on, spread over them; the last is left out.</summary>
    private long[] Timesteps(int steps)
    {
        var total = config.NumTrainTimesteps;
        var grid = config.Solver.OriginalInferenceSteps;
        if (grid > total)
        {
            throw new RecipesException(
                config.Where,
                $"\"original_inference_steps\" is {grid} of {total} training timesteps",
                "Give 50, as diffusers does.");
        }

        if (steps < 1 || steps > grid)
        {
            throw new RecipesException(
                "Sampling",
                $"{steps} steps are asked for",
                $"Take 1 to {grid} steps: LCM models are distilled on {grid}.");
        }

        long stride = total / grid;
        var spread = (double)grid / steps;
        return [.. Enumerable.Range(0, steps).Select(i => (grid - (long)Math.Floor(i * spread)) * stride - 1)];
    }
}
