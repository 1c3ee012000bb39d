using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>From noisy latents to clean ones: the one loop of all pipelines.</summary>
internal static class DenoisingLoop
{
    /// <summary>
    /// The steps for evaluations to take by themselves; null where something looks at the latents between them, or clean
    /// samples are limited. It pays where evaluations are recorded.
    /// </summary>
    /// <param name="sampling">The way.</param>
    /// <param name="start">Where it begins.</param>
    /// <param name="watched">Whether the user has a part in it.</param>
    public static StepTable? Steps(ISampling sampling, DrawingStart start, bool watched) =>
        watched || start.AfterStep is not null ? null : StepTable.Of(sampling, start.First);

    /// <summary>Takes every step from the start on.</summary>
    /// <param name="denoiser">Takes them, or predicts what the sampler needs.</param>
    /// <param name="start">Its latents are used up.</param>
    /// <param name="sampling">The way.</param>
    /// <param name="noise">Where samplers that add noise draw it.</param>
    /// <param name="afterStep">
    /// The user's part, of the evaluations made before and the latents; null where evaluations take the steps.
    /// </param>
    /// <param name="stepped">Told how many evaluations are made, of how many.</param>
    /// <param name="cancellation">Looked at before each evaluation.</param>
    /// <returns>Latents of the shape of the start's, in the caller's dispose scope.</returns>
    public static Tensor Run(
        Denoiser denoiser,
        DrawingStart start,
        ISampling sampling,
        NoiseSource? noise,
        Func<int, Tensor, Tensor?>? afterStep,
        Action<int, int> stepped,
        CancellationToken cancellation)
    {
        var latents = start.Latents;
        var count = sampling.Timesteps.Count - start.First;
        for (var made = 0; made < count; made++)
        {
            cancellation.ThrowIfCancellationRequested();
            var index = start.First + made;
            if (denoiser.TakesSteps)
            {
                denoiser.Step(index, noise);
            }
            else
            {
                var next = Next(latents, made, index);
                latents.Dispose();
                latents = next;
            }

            stepped(made + 1, count);
        }

        if (denoiser.TakesSteps)
        {
            latents.Dispose();
            latents = denoiser.Latents;
        }

        return latents;

        Tensor Next(Tensor latents, int made, int index)
        {
            using var scope = NewDisposeScope();
            var output = denoiser.Predict(sampling.ScaleInput(latents, index), index, sampling.Timesteps[index]);
            var next = sampling.Step(output, index, latents, noise);
            next = start.AfterStep is { } part ? part(next, index) : next;
            next = afterStep?.Invoke(made, next) is { } given ? Replacement(given, next) : next;
            return next.MoveToOuterDisposeScope();
        }
    }

    private static Tensor Replacement(Tensor given, Tensor latents) =>
        given.shape.SequenceEqual(latents.shape)
            ? given.to(latents.dtype, latents.device, copy: true)
            : throw new RecipesException(
                "AfterStep",
                $"it returned latents [{string.Join(", ", given.shape)}] in place of "
                    + $"[{string.Join(", ", latents.shape)}]",
                "Return latents of the shape it is given, or null to keep them.");
}
