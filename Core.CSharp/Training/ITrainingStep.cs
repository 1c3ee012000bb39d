using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>One step of training, whatever is trained and however it is run.</summary>
public interface ITrainingStep : IDisposable
{
    /// <summary>
    /// Whether the device goes on with steps while the host starts further ones, so that reading each one's figures would
    /// hold both up.
    /// </summary>
    bool RunsAhead { get; }

    /// <summary>Trains on the batches of one optimiser step; the device may be busy with it afterwards.</summary>
    /// <param name="step">
    /// Counted from 0. It decides data and random numbers; weights and optimiser are the only state.
    /// </param>
    void Start(long step);

    /// <summary>What the steps started since the last reading report, in order. Waits until they are done.</summary>
    IReadOnlyList<StepResult> Read();

    /// <summary>All that a later <see cref="RestoreState"/> needs to go on as if nothing had happened.</summary>
    IEnumerable<KeyValuePair<string, Tensor>> SaveState();

    /// <summary>Goes back to a saved state.</summary>
    /// <param name="read">The tensor of a name that <see cref="SaveState"/> gave.</param>
    void RestoreState(Func<string, Tensor> read);
}

/// <summary>What one step reports, averaged over its passes.</summary>
/// <param name="Loss">What was minimised.</param>
/// <param name="InstanceLoss">The part of the instances; the whole without prior preservation.</param>
/// <param name="PriorLoss">The part of the class images before its weight.</param>
/// <param name="GradientNorm">Joint norm of the gradients before clipping.</param>
/// <param name="Rate">The learning rate.</param>
public sealed record StepResult(double Loss, double InstanceLoss, double? PriorLoss, double GradientNorm, double Rate)
{
    /// <summary>What the optimiser logs besides, by name; mostly nothing.</summary>
    public IReadOnlyDictionary<string, double> Further { get; init; } = new Dictionary<string, double>();
}
