namespace Recipes.Core.Schedules;

/// <summary>Euler's method on the probability flow of noise on top of the signal (Karras et al. 2022).</summary>
public sealed class EulerSampler(SchedulerConfig config) : ISampler
{
    /// <inheritdoc/>
    public ISampling Begin(int steps)
    {
        using var schedule = new NoiseSchedule(config);
        var path = SigmaPath.Continuous(config, new SigmaTable(schedule), steps, config.Solver);
        var weights = new StepWeights[steps];
        for (var i = 0; i < steps; i++)
        {
            var ratio = path.Sigmas[i + 1] / path.Sigmas[i];
            weights[i] = new(1 - ratio, 0, ratio, null);
        }

        Level[] levels = [.. path.Sigmas.Select(Level.OnTop)];
        return new DirectSampling(config, path.Timesteps, levels, weights, null, path.InitialSigma(config));
    }
}
