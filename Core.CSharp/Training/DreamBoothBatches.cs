using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// DreamBooth's batches: subject pictures, then as many class pictures, in one pass. Pictures, latents, noise and
/// times of a batch follow from its number alone.
/// </summary>
internal sealed class DreamBoothBatches : IBatchSource
{
    private readonly RandomStreams streams;
    private readonly DreamBoothOptions options;
    private readonly LatentCache instances;
    private readonly LatentCache? classes;
    private readonly DataOrder instanceOrder;
    private readonly DataOrder? classOrder;
    private readonly TrainingPrompts prompts;
    private readonly Func<long[], Tensor> context;
    private readonly int timesteps;
    private readonly Device device;

    /// <param name="streams">All random numbers.</param>
    /// <param name="options">The settings.</param>
    /// <param name="instances">The subject's latents.</param>
    /// <param name="classes">The class's latents, with prior preservation.</param>
    /// <param name="prompts">Which picture has which prompt.</param>
    /// <param name="context">Text embeddings of prompts by their numbers: [numbers, tokens, width].</param>
    /// <param name="timesteps">Diffusion times there are.</param>
    /// <param name="device">Where to train.</param>
    public DreamBoothBatches(
        RandomStreams streams,
        DreamBoothOptions options,
        LatentCache instances,
        LatentCache? classes,
        TrainingPrompts prompts,
        Func<long[], Tensor> context,
        int timesteps,
        Device device)
    {
        this.streams = streams;
        this.options = options;
        this.instances = instances;
        this.classes = classes;
        this.prompts = prompts;
        this.context = context;
        this.timesteps = timesteps;
        this.device = device;
        instanceOrder = new DataOrder(streams, RandomStreams.Order, instances.Count);
        classOrder = classes is null ? null : new DataOrder(streams, $"{RandomStreams.Order}/class", classes.Count);
    }

    /// <inheritdoc/>
    public DenoisingBatch Batch(long number)
    {
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        long count = options.Batch * (classes is null ? 1 : 2);
        long[] shape = [count, .. instances.Shape];
        var draws = new BatchDraws(streams, number, device);
        var posterior = draws.Normal(RandomStreams.Augmentation, shape);
        var pictures = instanceOrder.Take(number * options.Batch, options.Batch);
        var latents = instances.Draw(pictures, posterior.narrow(0, 0, options.Batch));
        if (classes is not null && classOrder is not null)
        {
            var drawn = classes.Draw(
                classOrder.Take(number * options.Batch, options.Batch),
                posterior.narrow(0, options.Batch, options.Batch));
            latents = cat([latents, drawn], 0);
        }

        var noise = draws.Normal(RandomStreams.Noise, shape);
        var times = draws.Below(RandomStreams.Timesteps, timesteps, count);
        var texts = Context(prompts.Rows(pictures));
        foreach (var kept in (Tensor[])[latents, noise, times, texts])
        {
            kept.MoveToOuterDisposeScope();
        }

        return new DenoisingBatch(latents, noise, times, texts);
    }

    /// <summary>With gradients where the text encoder is trained.</summary>
    private Tensor Context(long[] rows)
    {
        using var gradients = enable_grad();
        return context(rows);
    }
}
