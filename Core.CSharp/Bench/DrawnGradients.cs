using Recipes.Core.Training;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>
/// Steps of an optimiser whose gradients are drawn around a pull towards 0. Those of the first step are zeros, by which
/// Prodigy moves nothing, and one step has no rate.
/// </summary>
internal sealed class DrawnGradients(IReadOnlyList<NamedParameter> parameters, IOptimiser optimiser) : ITrainingStep
{
    private const double Noise = 0.01;
    private const double Pull = 0.01;
    private const long WithoutRate = 5;

    /// <inheritdoc/>
    public bool RunsAhead => false;

    /// <inheritdoc/>
    public void Start(long step)
    {
        using var scope = NewDisposeScope();
        foreach (var (_, parameter) in parameters)
        {
            var drawn = randn_like(parameter).mul_(Noise).add_(parameter, Pull).mul_(step == 0 ? 0 : 1);
            if (parameter.grad is { } present)
            {
                // The plain path keeps the gradients' memory, and zeroes it.
                present.copy_(drawn);
            }
            else
            {
                parameter.grad = drawn.DetachFromDisposeScope();
            }
        }

        (optimiser as IRecordedOptimiser)?.Begin(step);

        // Prodigy multiplies its rate by a distance, which begins at 1e-3 here.
        var rate = optimiser is Prodigy ? 1 : 1e-3;
        optimiser.Step(step == WithoutRate ? 0 : rate);
        optimiser.ZeroGrad();
    }

    /// <inheritdoc/>
    public IReadOnlyList<StepResult> Read() => [];

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, Tensor>> SaveState() => [];

    /// <inheritdoc/>
    public void RestoreState(Func<string, Tensor> read)
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
