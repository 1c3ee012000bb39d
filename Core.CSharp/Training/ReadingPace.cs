namespace Recipes.Core.Training;

/// <summary>
/// After how many steps figures are read: as many as take a quarter of a second, so that whoever watches sees the training
/// move while the device seldom waits for the host.
/// </summary>
internal sealed class ReadingPace
{
    private static readonly TimeSpan Time = TimeSpan.FromSeconds(0.25);

    private TimeSpan last;

    /// <summary>Steps from one reading to the next, 1 until a pace is known.</summary>
    public int Steps { get; private set; } = 1;

    /// <summary>Notes a reading.</summary>
    /// <param name="now">Time since the start.</param>
    /// <param name="steps">How many steps were read.</param>
    public void Took(TimeSpan now, int steps)
    {
        if (steps == 0)
        {
            return;
        }

        var each = (now - last) / steps;
        last = now;
        Steps = (int)Math.Clamp(Time / each, 1, StepFigures.Rows);
    }
}
