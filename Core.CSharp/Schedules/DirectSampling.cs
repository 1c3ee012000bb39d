namespace Recipes.Core.Schedules;

/// <summary>What a step's result is made of.</summary>
/// <param name="Clean">Weight of the predicted clean sample.</param>
/// <param name="Epsilon">Weight of the predicted noise.</param>
/// <param name="Sample">Weight of the sample before.</param>
/// <param name="Fresh">Weight of new noise; null where none is drawn.</param>
internal readonly record struct StepWeights(double Clean, double Epsilon, double Sample, double? Fresh);

/// <summary>A way whose every step looks at one answer of the model only.</summary>
internal sealed class DirectSampling(
    SchedulerConfig config,
    IReadOnlyList<double> timesteps,
    Level[] levels,
    StepWeights[] steps,
    CleanLimit? limit = null,
    double initialSigma = 1) : LevelSampling(config, timesteps, levels, 1, limit, initialSigma)
{
    public override LinearStep At(int index, int start)
    {
        var step = steps[index];
        var next = step.Clean * Clean(index) + step.Epsilon * Epsilon(index) + step.Sample * Known.Sample;
        return step.Fresh is { } weight ? new([next + weight * Known.Fresh], Draws: true) : new([next]);
    }
}
