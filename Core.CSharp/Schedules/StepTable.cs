namespace Recipes.Core.Schedules;

/// <summary>
/// The steps of a way from one of its evaluations on, as numbers: a row for each, of the matrix [slots, slots + 2] that
/// makes all slots of the slots, the model's answer and new noise, then the factor that makes the model's next input of
/// the next sample, then the next timestep.
/// </summary>
internal sealed class StepTable
{
    private StepTable(int slots, LinearStep[] steps, double[] scales, double[] timesteps)
    {
        Slots = slots;
        Steps = steps;
        Width = WidthOf(slots);
        (Scale, Timestep) = (scales[0], timesteps[0]);
        Values = [.. steps.SelectMany((step, row) => step.Slots
            .SelectMany(form => form.Weights[..(slots + 2)].ToArray())
            .Append(scales[row + 1])
            .Append(timesteps[row + 1]))];
    }

    /// <summary>A single step whose sample is the model's answer: nothing is stepped.</summary>
    public static StepTable Answer { get; } = new(1, [new([new LinearForm.Sources(1).Output])], [1, 1], [0, 0]);

    /// <summary>How many slots there are.</summary>
    public int Slots { get; }

    /// <summary>One for each row.</summary>
    public LinearStep[] Steps { get; }

    /// <summary>Numbers of a row.</summary>
    public int Width { get; }

    /// <summary>The factor that makes the model's first input of the first sample.</summary>
    public double Scale { get; }

    /// <summary>The first timestep.</summary>
    public double Timestep { get; }

    /// <summary>Row after row.</summary>
    public double[] Values { get; }

    /// <summary>Numbers of a row of so many slots.</summary>
    public static int WidthOf(int slots) => slots * (slots + 2) + 2;

    /// <summary>The steps of a way; null where they are not linear, as clean samples are limited.</summary>
    /// <param name="sampling">The way.</param>
    /// <param name="first">The evaluation that it begins with.</param>
    public static StepTable? Of(ISampling sampling, int first)
    {
        if (sampling is not LevelSampling { IsLinear: true } way)
        {
            return null;
        }

        var rows = Enumerable.Range(first, way.Timesteps.Count - first).ToArray();
        return new(
            way.Slots,
            [.. rows.Select(index => way.At(index, first))],
            [.. rows.Select(way.InputScale), 1],
            [.. rows.Select(index => way.Timesteps[index]), 0]);
    }
}
