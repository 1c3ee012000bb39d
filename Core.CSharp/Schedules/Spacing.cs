namespace Recipes.Core.Schedules;

/// <summary>The training timesteps that N steps visit.</summary>
public static class Spacing
{
    /// <summary>N timesteps, falling.</summary>
    /// <param name="config">The number of training timesteps and the offset.</param>
    /// <param name="spacing">How they are spread.</param>
    /// <param name="steps">N, 1 to the number of training timesteps.</param>
    /// <exception cref="RecipesException">There are not so many timesteps.</exception>
    public static long[] Timesteps(SchedulerConfig config, TimestepSpacing spacing, int steps)
    {
        var total = config.NumTrainTimesteps;
        if (steps < 1 || steps > total)
        {
            throw new RecipesException(
                "Sampling",
                $"{steps} steps are asked for",
                $"Take 1 to {total} steps: the model was trained on {total}.");
        }

        var timesteps = new long[steps];
        for (var i = 0; i < steps; i++)
        {
            timesteps[i] = spacing switch
            {
                TimestepSpacing.Leading => (long)(steps - 1 - i) * (total / steps) + config.StepsOffset,
                TimestepSpacing.Linspace => (long)Math.Round(
                    steps == 1 ? 0 : (steps - 1 - i) * ((total - 1.0) / (steps - 1))),
                _ => (long)Math.Round(total - i * ((double)total / steps)) - 1,
            };
        }

        if (timesteps[0] >= total)
        {
            throw new RecipesException(
                config.Where,
                $"with steps_offset {config.StepsOffset}, {steps} steps begin at timestep {timesteps[0]} "
                    + $"of 0 to {total - 1}",
                $"Take {total / 2} steps or fewer.");
        }

        return timesteps;
    }
}
