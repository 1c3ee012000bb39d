using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>A training step that also keeps a running average of what it trains.</summary>
internal sealed class EmaStep : ITrainingStep
{
    private const string Prefix = "ema.";
    private const string Count = "ema.steps";

    private readonly ITrainingStep inner;
    private readonly IOptimiser optimiser;
    private readonly Ema ema;

    /// <summary>The optimiser whose kernels move the averages themselves; null where they move after each step.</summary>
    private readonly IRecordedOptimiser? within;

    /// <param name="inner">The step, which becomes this one's own.</param>
    /// <param name="optimiser">Its optimiser, whose float32 masters are averaged.</param>
    /// <param name="options">How quickly the average forgets.</param>
    public EmaStep(ITrainingStep inner, IOptimiser optimiser, EmaOptions options)
    {
        this.inner = inner;
        this.optimiser = optimiser;
        ema = new Ema(optimiser.Masters, options);
        within = optimiser is IRecordedOptimiser able
            && able.Average(ema.Averages, step => 1 - ema.DecayAt(step + 1))
                ? able
                : null;
    }

    /// <summary>The averages by the names of what is trained.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> Averages =>
        optimiser.Parameters.Zip(ema.Averages, (item, average) => KeyValuePair.Create(item.Name, average));

    /// <inheritdoc/>
    public bool RunsAhead => inner.RunsAhead;

    /// <inheritdoc/>
    public void Start(long step)
    {
        inner.Start(step);
        if (within is null)
        {
            ema.Update();
        }
        else
        {
            ema.Count();
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<StepResult> Read() => inner.Read();

    /// <summary>Puts the averages onto the networks in the weights' place.</summary>
    public void Apply()
    {
        using var _ = no_grad();
        foreach (var (item, average) in optimiser.Parameters.Zip(ema.Averages))
        {
            item.Parameter.copy_(average);
        }
    }

    /// <summary>The same, until the value returned is disposed of.</summary>
    public IDisposable ApplyForNow()
    {
        using var _ = no_grad();
        var own = optimiser.Parameters
            .Select(item => (item.Parameter, Own: item.Parameter.detach().clone().DetachFromDisposeScope()))
            .ToList();
        Apply();
        return new Restoring(own);
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, Tensor>> SaveState() =>
    [
        .. inner.SaveState(),
        .. Averages.Select(pair => KeyValuePair.Create(Prefix + pair.Key, pair.Value)),
        KeyValuePair.Create(Count, tensor(ema.Steps)),
    ];

    /// <inheritdoc/>
    public void RestoreState(Func<string, Tensor> read)
    {
        inner.RestoreState(read);
        ema.Restore(
            [.. optimiser.Parameters.Select(item => read(Prefix + item.Name))], read(Count).item<long>());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        within?.Average(null);
        ema.Dispose();
        inner.Dispose();
    }

    private sealed class Restoring(List<(TorchSharp.Modules.Parameter Parameter, Tensor Own)> weights) : IDisposable
    {
        public void Dispose()
        {
            using var _ = no_grad();
            foreach (var (parameter, own) in weights)
            {
                parameter.copy_(own);
                own.Dispose();
            }

            weights.Clear();
        }
    }
}
