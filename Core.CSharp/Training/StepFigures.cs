using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The figures of recorded steps, kept on the device until they are read: a row for each step, in turn. The row is chosen
/// on the device, by the step's number there.
/// </summary>
/// <param name="clock">The number of the step, [1], int64.</param>
/// <param name="columns">Figures of a step.</param>
internal sealed class StepFigures(Tensor clock, int columns) : IDisposable
{
    /// <summary>How many steps' figures there is room for.</summary>
    public const int Rows = 16;

    private readonly Tensor rows =
        zeros([Rows, columns], ScalarType.Float32, clock.device).DetachFromDisposeScope();

    private readonly List<long> unread = [];

    /// <summary>Whether a further step would overwrite figures that were not read.</summary>
    public bool IsFull => unread.Count == Rows;

    /// <summary>Notes the figures of the step of the clock; operations of the device alone.</summary>
    /// <param name="figures">[columns], float32.</param>
    public void Write(Tensor figures) =>
        rows.index_copy_(0, clock.remainder(Rows), figures.unsqueeze(0));

    /// <summary>Notes that a step was started, which writes its figures.</summary>
    public void Started(long step) => unread.Add(step);

    /// <summary>The steps started since the last reading and their figures, in order. Waits for the device.</summary>
    public List<(long Step, float[] Figures)> Read()
    {
        if (unread.Count == 0)
        {
            return [];
        }

        using var here = rows.cpu();
        var all = here.data<float>().ToArray();
        List<(long, float[])> read =
            [.. unread.Select(step => (step, all.AsSpan((int)(step % Rows) * columns, columns).ToArray()))];
        unread.Clear();
        return read;
    }

    /// <inheritdoc/>
    public void Dispose() => rows.Dispose();
}
