using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// An upscaler's batches: latents of large pictures, and the small pictures with noise of a level drawn for each.
/// Pictures, captions left out, latents, noises, levels and times of a batch follow from its number alone.
/// </summary>
/// <param name="streams">All random numbers.</param>
/// <param name="options">The settings.</param>
/// <param name="latents">The large pictures' latents.</param>
/// <param name="small">The small pictures, [pictures, 3, height, width], float32 in -1 to 1, on the device.</param>
/// <param name="contexts">
/// Text embeddings of each picture's caption and last of the empty one, [pictures + 1, tokens, width].
/// </param>
/// <param name="noise">The noise of small pictures.</param>
/// <param name="highestLevel">The highest level of it that is drawn.</param>
/// <param name="timesteps">Diffusion times of the latents there are.</param>
internal sealed class UpscalerBatches(
    RandomStreams streams,
    UpscalerOptions options,
    LatentCache latents,
    Tensor small,
    Tensor contexts,
    NoiseSchedule noise,
    int highestLevel,
    int timesteps) : IBatchSource
{
    private const string Levels = "noise-levels";
    private const string SmallNoise = "noise/small";
    private readonly DataOrder order = new(streams, RandomStreams.Order, latents.Count);

    /// <inheritdoc/>
    public DenoisingBatch Batch(long number)
    {
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        var device = small.device;
        var draws = new BatchDraws(streams, number, device);
        long count = options.Batch;
        long[] shape = [count, .. latents.Shape];
        var items = order.Take(number * count, options.Batch);
        var index = tensor(items, dtype: ScalarType.Int64, device: device);
        var level = draws.Below(Levels, highestLevel + 1, count);
        var shown = noise.AddNoise(
            small.index_select(0, index), draws.Normal(SmallNoise, [count, .. small.shape[1..]]), level);
        var made = new DenoisingBatch(
            latents.Draw(items, draws.Normal(RandomStreams.Augmentation, shape)),
            draws.Normal(RandomStreams.Noise, shape),
            draws.Below(RandomStreams.Timesteps, timesteps, count),
            contexts.index_select(0, Captions(index, number)))
        {
            SmallPictures = shown,
            NoiseLevels = level,
        };
        foreach (var kept in made.Tensors)
        {
            kept.MoveToOuterDisposeScope();
        }

        return made;
    }

    /// <summary>Each picture's caption, or now and then the last one, which is empty.</summary>
    private Tensor Captions(Tensor index, long number)
    {
        using var scope = NewDisposeScope();
        using var generator = streams.Generator(RandomStreams.Captions, number);
        var dropped = rand(index.shape, dtype: ScalarType.Float32, generator: generator)
            .lt(options.CaptionDropout)
            .to(index.device);
        return index.masked_fill(dropped, contexts.shape[0] - 1).MoveToOuterDisposeScope();
    }
}
