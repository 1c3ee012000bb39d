using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>From noisy latents to clean ones: the one loop of all pipelines.</summary>
internal static class DenoisingLoop
{
    /// <summary>Takes every step from the start on.</summary>
    /// <param name="denoiser">Predicts what the sampler needs.</param>
    /// <param name="start">Its latents are used up.</param>
    /// <param name="group">The images.</param>
    /// <param name="afterStep">The user's part in it.</param>
    /// <param name="stepped">Told how many evaluations are made, of how many.</param>
    /// <param name="cancellation">Looked at before each evaluation.</param>
    /// <returns>Latents of the shape of the start's, in the caller's dispose scope.</returns>
    public static Tensor Run(
        Denoiser denoiser,
        DrawingStart start,
        DrawingGroup group,
        Func<SamplingStep, Tensor?>? afterStep,
        Action<int, int> stepped,
        CancellationToken cancellation)
    {
        var (sampling, latents) = (group.Sampling, start.Latents);
        var count = sampling.Timesteps.Count - start.First;
        for (var made = 0; made < count; made++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var index = start.First + made;
            var input = sampling.ScaleInput(latents, index);
            var output = denoiser.Predict(input, index);
            var next = sampling.Step(output, index, latents, group.Noise);
            next = start.AfterStep is { } part ? part(next, index) : next;
            if (afterStep?.Invoke(new SamplingStep(made, sampling.Timesteps[index], next, group.Range)) is { } given)
            {
                next = Replacement(given, next);
            }

            latents.Dispose();
            latents = next.MoveToOuterDisposeScope();
            stepped(made + 1, count);
        }

        return latents;
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
