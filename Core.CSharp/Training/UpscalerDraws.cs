using Recipes.Core.Pipelines;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>What is drawn for an upscaler's batches alone: the noise of small pictures, and captions left out.</summary>
internal sealed class UpscalerDraws : IDisposable
{
    private readonly UpscalerOptions options;
    private readonly RandomStreams streams;
    private readonly NoiseSchedule noise;
    private readonly int highest;

    private UpscalerDraws(StableDiffusionModel model, UpscalerOptions options, RandomStreams streams)
    {
        this.options = options;
        this.streams = streams;
        highest = options.Highest(model);
        noise = new NoiseSchedule(model.LowResScheduler!);
    }

    /// <summary>What to draw for a model; null where it is no upscaler.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">The settings, checked; null where it shall be no upscaler.</param>
    /// <param name="streams">All random numbers.</param>
    /// <exception cref="RecipesException">
    /// The model is an upscaler without settings, or none and has some, or does not know the highest level.
    /// </exception>
    public static UpscalerDraws? Of(StableDiffusionModel model, UpscalerOptions? options, RandomStreams streams) =>
        options is not null ? new UpscalerDraws(model, options, streams)
        : model.LowResScheduler is null ? null
        : throw new RecipesException(
            model.Folder, $"it is an upscaler ({model.PipelineClass})", "Set Upscaler, or use another model.");

    /// <summary>Small pictures with noise, and its level in each, [batch], int64.</summary>
    /// <param name="small">[batch, 3, height, width] in -1 to 1, float32.</param>
    /// <param name="draws">The batch's random numbers.</param>
    public (Tensor Pictures, Tensor Levels) Noisy(Tensor small, BatchDraws draws)
    {
        var levels = draws.Between(BatchStream.NoiseLevels, 0, highest + 1, small.shape[0]);
        return (noise.AddNoise(small, draws.Normal(BatchStream.SmallPictures, small.shape), levels), levels);
    }

    /// <summary>The visits of a pass, some of them without their captions.</summary>
    /// <param name="visits">The visits.</param>
    /// <param name="empty">The number of the empty caption.</param>
    /// <param name="number">The pass's.</param>
    public IReadOnlyList<Visit> LeaveOut(IReadOnlyList<Visit> visits, int empty, long number)
    {
        using var generator = streams.Generator(RandomStreams.Captions, number);
        using var drawn = rand(visits.Count, dtype: ScalarType.Float32, generator: generator);
        var shares = drawn.data<float>();
        return
        [
            .. visits.Select((visit, place) =>
                shares[place] < (float)options.CaptionDropout ? visit with { Caption = empty } : visit),
        ];
    }

    /// <inheritdoc/>
    public void Dispose() => noise.Dispose();
}
