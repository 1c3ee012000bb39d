using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>How quickly a running average of the weights forgets.</summary>
public sealed record EmaOptions
{
    /// <summary>The greatest decay, below 1.</summary>
    public double Decay { get; init; } = 0.9999;

    /// <summary>The least decay.</summary>
    public double MinDecay { get; init; }

    /// <summary>Steps before the average starts; until then it is the weights themselves.</summary>
    public long UpdateAfterStep { get; init; }

    /// <summary>
    /// Whether the decay rises as 1 - (1 + step/InverseGamma)^-Power instead of (1 + step)/(10 + step).
    /// </summary>
    public bool WarmUp { get; init; }

    /// <summary>Pace of the warm-up.</summary>
    public double InverseGamma { get; init; } = 1;

    /// <summary>Curve of the warm-up.</summary>
    public double Power { get; init; } = 2.0 / 3;
}

/// <summary>
/// An exponential moving average of weights, average += (1 - decay) × (weight - average), with the decay schedule of
/// the reference's EMAModel. Kept in float32; give it <see cref="AdamW.Masters"/>.
/// </summary>
public sealed class Ema : IDisposable
{
    private readonly EmaOptions options;
    private readonly Tensor[] weights;
    private readonly Tensor[] averages;

    /// <param name="weights">Float32 tensors, updated in place elsewhere.</param>
    /// <param name="options">The decay.</param>
    public Ema(IReadOnlyList<Tensor> weights, EmaOptions options)
    {
        if (weights.FirstOrDefault(weight => weight.dtype != ScalarType.Float32) is { } narrow)
        {
            throw new RecipesException(
                "Ema",
                $"a weight is {narrow.dtype}",
                "Average the optimiser's float32 masters instead.");
        }

        this.options = options;
        this.weights = [.. weights];
        averages = [.. weights.Select(weight => weight.detach().clone().DetachFromDisposeScope())];
    }

    /// <summary>Updates so far.</summary>
    public long Steps { get; private set; }

    /// <summary>The averages, in the order of the weights.</summary>
    public IReadOnlyList<Tensor> Averages => averages;

    /// <summary>The decay of an update, counted from 1.</summary>
    public double DecayAt(long step)
    {
        var since = Math.Max(0, step - options.UpdateAfterStep - 1);
        if (since == 0)
        {
            return 0;
        }

        var decay = options.WarmUp
            ? 1 - Math.Pow(1 + (since / options.InverseGamma), -options.Power)
            : (1.0 + since) / (10.0 + since);
        return Math.Max(Math.Min(decay, options.Decay), options.MinDecay);
    }

    /// <summary>Takes the weights as they are now into the average.</summary>
    public void Update()
    {
        Steps++;
        TensorLists.Lerp(averages, weights, 1 - DecayAt(Steps));
    }

    /// <summary>Counts an update that was made elsewhere, by the share 1 - <see cref="DecayAt"/>.</summary>
    internal void Count() => Steps++;

    /// <summary>Takes back averages and count from a checkpoint.</summary>
    public void Restore(IReadOnlyList<Tensor> saved, long steps)
    {
        if (saved.Count != averages.Length)
        {
            throw new RecipesException(
                "Ema",
                $"the checkpoint holds {saved.Count} averages, not {averages.Length}",
                "Resume from a checkpoint of this run.");
        }

        TensorLists.Copy(averages, [.. saved]);
        Steps = steps;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var average in averages)
        {
            average.Dispose();
        }
    }
}
