using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The number of the step on the device, which a recorded step moves on itself, and what follows from it by the plan
/// alone: the learning rate.
/// </summary>
internal sealed class StepClock : IDisposable
{
    private readonly LearningRate rate;
    private readonly Tensor rates;
    private long? next;

    /// <param name="rate">By step.</param>
    /// <param name="device">Where steps run.</param>
    public StepClock(LearningRate rate, Device device)
    {
        this.rate = rate;
        Step = zeros(1, ScalarType.Int64, device).DetachFromDisposeScope();
        float[] all = new float[rate.Steps];
        for (var step = 0L; step < all.LongLength; step++)
        {
            all[step] = (float)rate.At(step);
        }

        rates = tensor(all, device: device).DetachFromDisposeScope();
    }

    /// <summary>Counted from 0, [1], int64.</summary>
    public Tensor Step { get; }

    /// <summary>Sets the clock where it does not stand there already; enqueued, not waited for.</summary>
    public void Set(long step)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(step, rate.Steps);
        if (next != step)
        {
            Step.fill_(step);
        }

        next = step;
    }

    /// <summary>Counts on the host what <see cref="Advance"/> does on the device.</summary>
    public void Went() => next++;

    /// <summary>Gives the optimiser the step's rate; operations of the device alone.</summary>
    public void Read(AdamW optimiser) => optimiser.SetRate(rates.index_select(0, Step));

    /// <summary>The next step; operations of the device alone.</summary>
    public void Advance() => Step.add_(1);

    /// <inheritdoc/>
    public void Dispose()
    {
        Step.Dispose();
        rates.Dispose();
    }
}
