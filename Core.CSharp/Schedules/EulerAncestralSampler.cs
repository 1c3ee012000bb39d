namespace Recipes.Core.Schedules;

/// <summary>
/// Euler's method to less noise than the next level has, and new noise up to it: the ancestral sampling of DDPM written
/// for noise on top of the signal.
/// </summary>
public sealed class EulerAncestralSampler : ISampler
{
    private readonly SchedulerConfig config;

    /// <exception cref="RecipesException">The model predicts samples, which this sampler cannot step from.</exception>
    public EulerAncestralSampler(SchedulerConfig config)
    {
        SamplePrediction.Refuse(config, "Euler ancestral");
        this.config = config;
    }

    /// <inheritdoc/>
    public ISampling Begin(int steps)
    {
        using var schedule = new NoiseSchedule(config);
        var path = SigmaPath.Continuous(config, new SigmaTable(schedule), steps, new SolverSettings());
        var weights = new StepWeights[steps];
        for (var i = 0; i < steps; i++)
        {
            var from = path.Sigmas[i] * path.Sigmas[i];
            var to = path.Sigmas[i + 1] * path.Sigmas[i + 1];
            var up = to * (from - to) / from;
            var ratio = Math.Sqrt(Math.Max(0, to - up) / from);
            weights[i] = new(1 - ratio, 0, ratio, Math.Sqrt(Math.Max(0, up)));
        }

        Level[] levels = [.. path.Sigmas.Select(Level.OnTop)];
        return new DirectSampling(config, path.Timesteps, levels, weights, null, path.InitialSigma(config));
    }
}
