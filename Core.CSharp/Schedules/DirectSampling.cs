using static TorchSharp.torch;

namespace Recipes.Core.Schedules;

/// <summary>What a step's result is made of.</summary>
/// <param name="Clean">Weight of the predicted clean sample.</param>
/// <param name="Epsilon">Weight of the predicted noise.</param>
/// <param name="Sample">Weight of the sample before.</param>
/// <param name="Fresh">Weight of new noise; null where none is drawn.</param>
internal readonly record struct StepWeights(double Clean, double Epsilon, double Sample, double? Fresh);

/// <summary>
/// A way whose every step looks at one answer of the model only. Without a limit on clean samples a step is two
/// operations, whatever the sampler.
/// </summary>
internal sealed class DirectSampling(
    SchedulerConfig config,
    IReadOnlyList<double> timesteps,
    Level[] levels,
    StepWeights[] steps,
    CleanLimit? limit = null,
    double initialSigma = 1) : LevelSampling(config, timesteps, levels, initialSigma)
{
    protected override Tensor Advance(Tensor output, int index, Tensor sample, NoiseSource? noise)
    {
        var step = steps[index];
        var clean = Levels[index].Clean(Prediction);
        var epsilon = step.Epsilon == 0 ? default : Levels[index].Epsilon(Prediction);
        var fromSample = step.Sample + step.Epsilon * epsilon.Sample;
        var fromOutput = step.Epsilon * epsilon.Output;
        Tensor next;
        if (limit is null)
        {
            next = Combination.Wide(
                (fromSample + step.Clean * clean.Sample, sample), (fromOutput + step.Clean * clean.Output, output));
        }
        else
        {
            var limited = limit.Apply(Combination.Wide((clean.Sample, sample), (clean.Output, output)));
            next = Combination.Wide((step.Clean, limited), (fromSample, sample), (fromOutput, output));
        }

        if (step.Fresh is { } weight)
        {
            next.add_(Fresh(sample, noise), weight);
        }

        return next.to_type(sample.dtype);
    }
}
