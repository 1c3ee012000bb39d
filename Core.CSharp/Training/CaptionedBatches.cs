using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// Batches of pictures, each with one of several captions, drawn anew at every visit. Pictures, captions, latents,
/// noise and times of a batch follow from its number alone.
/// </summary>
/// <param name="streams">All random numbers.</param>
/// <param name="latents">The pictures' latents.</param>
/// <param name="captions">Token ids of all captions, [captions, tokens], on the device.</param>
/// <param name="encode">Token ids, [batch, tokens], to text embeddings, with gradients where they are trained.</param>
/// <param name="batch">Pictures in a batch.</param>
/// <param name="timesteps">Diffusion times there are.</param>
/// <param name="device">Where to train.</param>
internal sealed class CaptionedBatches(
    RandomStreams streams,
    LatentCache latents,
    Tensor captions,
    Func<Tensor, Tensor> encode,
    int batch,
    int timesteps,
    Device device) : IBatchSource
{
    private readonly DataOrder order = new(streams, RandomStreams.Order, latents.Count);

    /// <inheritdoc/>
    public DenoisingBatch Batch(long number)
    {
        using var scope = NewDisposeScope();
        var draws = new BatchDraws(streams, number, device);
        long[] shape = [batch, .. latents.Shape];
        var clean = latents.Draw(
            order.Take(number * batch, batch), draws.Normal(RandomStreams.Augmentation, shape));
        var chosen = captions.index_select(0, draws.Below(RandomStreams.Captions, captions.shape[0], batch));
        var made = new DenoisingBatch(
            clean,
            draws.Normal(RandomStreams.Noise, shape),
            draws.Below(RandomStreams.Timesteps, timesteps, batch),
            encode(chosen));
        foreach (var kept in (Tensor[])[made.Latents, made.Noise, made.Timesteps, made.Context])
        {
            kept.MoveToOuterDisposeScope();
        }

        return made;
    }
}
