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
        CheckSteps(total, steps);
        return Checked(config, steps, spacing switch
        {
            TimestepSpacing.Leading => Leading(config, total / steps, steps),
            TimestepSpacing.Linspace => [.. Even(total, steps).Select(timestep => (long)Math.Round(timestep))],
            _ => Trailing(total, (double)total / steps, steps),
        });
    }

    /// <summary>
    /// As <see cref="Timesteps"/>, for samplers that step from timestep to timestep and end before the first one:
    /// leading and linspace spread one timestep more, and leave out the last.
    /// </summary>
    /// <param name="config">The number of training timesteps, the spacing and the offset.</param>
    /// <param name="steps">N.</param>
    /// <param name="last">How many training timesteps are visited at all.</param>
    internal static long[] SolverTimesteps(SchedulerConfig config, int steps, int last)
    {
        CheckSteps(config.NumTrainTimesteps, steps);
        var ratio = (double)config.NumTrainTimesteps / steps;
        var timesteps = Checked(config, steps, config.TimestepSpacing switch
        {
            TimestepSpacing.Leading => Leading(config, last / (steps + 1), steps + 1)[..steps],
            TimestepSpacing.Linspace =>
                [.. Even(last, steps + 1).Take(steps).Select(timestep => (long)Math.Round(timestep))],
            _ => Trailing(last, ratio, last == config.NumTrainTimesteps ? steps : (int)Math.Ceiling(last / ratio)),
        });
        return timesteps.Distinct().Count() == timesteps.Length
            ? timesteps
            : throw new RecipesException(
                "Sampling",
                $"{steps} steps visit a timestep twice",
                $"Take {Math.Max(1, last - 1)} steps or fewer.");
    }

    /// <summary>N timesteps from T - 1 to 0 in equal steps, falling; 0 alone where N is 1.</summary>
    internal static double[] Even(int total, int steps)
    {
        var step = steps == 1 ? 0 : (total - 1.0) / (steps - 1);
        return [.. Enumerable.Range(0, steps).Select(i => i == 0 && steps > 1 ? total - 1 : (steps - 1 - i) * step)];
    }

    internal static void CheckSteps(int total, int steps)
    {
        if (steps < 1 || steps > total)
        {
            throw new RecipesException(
                "Sampling",
                $"{steps} steps are asked for",
                $"Take 1 to {total} steps: the model was trained on {total}.");
        }
    }

    private static long[] Leading(SchedulerConfig config, int ratio, int count) =>
        [.. Enumerable.Range(0, count).Select(i => (count - 1L - i) * ratio + config.StepsOffset)];

    private static long[] Trailing(int total, double ratio, int count)
    {
        // The reference's range of numbers steps by a difference that was rounded at T: only so do halves agree.
        var step = total - ratio - total;
        return [.. Enumerable.Range(0, count).Select(i => (long)Math.Round(total + i * step) - 1)];
    }

    private static long[] Checked(SchedulerConfig config, int steps, long[] timesteps) =>
        timesteps[0] < config.NumTrainTimesteps
            ? timesteps
            : throw new RecipesException(
                config.Where,
                $"with steps_offset {config.StepsOffset}, {steps} steps begin at timestep {timesteps[0]} "
                    + $"of 0 to {config.NumTrainTimesteps - 1}",
                $"Take {config.NumTrainTimesteps / 2} steps or fewer.");
}
