using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The number of the step on the device, which a recorded step moves on itself, and what follows from it by the plan
/// alone: the learning rate, and the share by which averages follow.
/// </summary>
internal sealed class StepClock : IDisposable
{
    private readonly LearningRate rate;
    private readonly Tensor rates;
    private Tensor? shares;
    private long? next;

    /// <param name="rate">By step.</param>
    /// <param name="device">Where steps run.</param>
    public StepClock(LearningRate rate, Device device)
    {
        this.rate = rate;
        Step = zeros(1, ScalarType.Int64, device).DetachFromDisposeScope();
        rates = Table(rate.At);
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

    /// <summary>Makes ready what <see cref="Read"/> looks up, ahead of a recording.</summary>
    public void Prepare(IRecordedOptimiser optimiser)
    {
        if (shares is null && optimiser.Shares is { } found)
        {
            shares = Table(found);
        }
    }

    /// <summary>Gives the optimiser the step's rate, and its averages' share; operations of the device alone.</summary>
    public void Read(IRecordedOptimiser optimiser)
    {
        optimiser.SetRate(rates.index_select(0, Step));
        if (shares is not null)
        {
            optimiser.SetShare(shares.index_select(0, Step));
        }
    }

    /// <summary>The next step; operations of the device alone.</summary>
    public void Advance() => Step.add_(1);

    /// <inheritdoc/>
    public void Dispose()
    {
        Step.Dispose();
        rates.Dispose();
        shares?.Dispose();
    }

    private Tensor Table(Func<long, double> at)
    {
        var all = new float[rate.Steps];
        for (var step = 0L; step < all.LongLength; step++)
        {
            all[step] = (float)at(step);
        }

        return tensor(all, device: Step.device).DetachFromDisposeScope();
    }
}
