using System.Diagnostics;
using Recipes.Core.Training;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket.Pretraining;

/// <summary>The loop that every stage of pretraining shares: steps, rate, resume, deadline, reports.</summary>
internal static class Stage
{
    private const int StepsAReport = 50;

    /// <summary>
    /// Runs a stage to its last step, its deadline or its cancellation; true when it reached the last step.
    /// </summary>
    /// <param name="name">vae, clip or unet.</param>
    /// <param name="options">The stage's budget.</param>
    /// <param name="trainee">What is trained.</param>
    /// <param name="loss">The loss of one step, as a tensor that carries gradients.</param>
    /// <param name="progress">Told every 50 steps.</param>
    /// <param name="cancellation">Stops after the running step.</param>
    public static bool Run(
        string name,
        StageOptions options,
        Trainee trainee,
        Func<long, Tensor> loss,
        IProgress<StageProgress> progress,
        CancellationToken cancellation)
    {
        var step = options.StateFile is { } file && File.Exists(file) ? trainee.Resume(file) : 0;
        var streams = new RandomStreams(options.Seed);
        var clock = Stopwatch.StartNew();
        var reported = (Step: step, Seconds: 0.0);
        for (; step < options.Steps; step++)
        {
            if (cancellation.IsCancellationRequested || clock.Elapsed > options.Deadline)
            {
                break;
            }

            // Seed and step decide every draw, so that a stage that resumes goes on as if it had never stopped.
            manual_seed((long)(streams.Seed(RandomStreams.Noise, step) >> 1));
            using var scope = NewDisposeScope();
            var value = loss(step);
            trainee.Update(value, options.RateAt(step));
            if ((step + 1) % StepsAReport == 0 || step + 1 == options.Steps)
            {
                var number = value.item<float>();
                if (!float.IsFinite(number))
                {
                    throw new RecipesException(
                        $"pretraining, {name}, step {step + 1}",
                        $"the loss is {number}",
                        "Lower the stage's rate, or resume from its last state file.");
                }

                var seconds = clock.Elapsed.TotalSeconds;
                progress.Report(new StageProgress(
                    name, step + 1, options.Steps, number, (seconds - reported.Seconds) / (step + 1 - reported.Step)));
                reported = (step + 1, seconds);
            }
        }

        if (options.StateFile is { } state)
        {
            trainee.Save(state, step);
        }

        return step >= options.Steps;
    }
}
