using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// What a pass draws for its batch before all else, by the batch's key: operations of the device alone, so that they are
/// part of a recorded step.
/// </summary>
/// <param name="Deviation">Standard deviation of the latents, whose most likely values the batch has; null for 0.</param>
/// <param name="Options">Which noise and times, checked.</param>
/// <param name="Times">Diffusion times of the schedule.</param>
/// <param name="Upscaler">Draws the noise of small pictures; null where the batch has none.</param>
internal sealed record PendingNoise(Tensor? Deviation, NoiseOptions Options, int Times, UpscalerDraws? Upscaler)
{
    /// <summary>The batch with all that is drawn.</summary>
    /// <param name="batch">It has a key, and no noise yet.</param>
    public DenoisingBatch Draw(DenoisingBatch batch)
    {
        using var none = no_grad();
        var draws = new BatchDraws(
            batch.Key ?? throw new InvalidOperationException("a batch without a key cannot be drawn"));
        var shape = batch.Latents.shape;
        var noise = NoiseDraws.Of(draws, Options, shape, Times);
        var small = batch.SmallPictures is { } clean ? Upscaler?.Noisy(clean, draws) : null;
        return batch with
        {
            Latents = Deviation is { } deviation
                ? batch.Latents + (deviation * draws.Normal(BatchStream.Latents, shape))
                : batch.Latents,
            Noise = noise.Noise,
            Timesteps = noise.Timesteps,
            InputNoise = noise.Input,
            SmallPictures = small?.Pictures ?? batch.SmallPictures,
            NoiseLevels = small?.Levels ?? batch.NoiseLevels,
            Pending = null,
        };
    }
}
