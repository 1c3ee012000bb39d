using Recipes.Core.Adapters;
using Recipes.Core.Kernels;
using Recipes.Core.Networks;
using Recipes.Core.Pipelines;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// Tunes an upscaler to pictures of one kind (the super-resolution stage of Ruiz et al., "DreamBooth", section 4.3):
/// pairs of large pictures and their small versions, the small ones with noise of a random level, so that the model
/// learns the detail and not the pictures' noise.
/// </summary>
public static class UpscalerTrainer
{
    /// <summary>Trains, going on from the checkpoint in the options' folder where there is one.</summary>
    /// <param name="model">
    /// An upscaler. Adapters stay on it until the result is disposed of; without adapters its UNet is changed.
    /// </param>
    /// <param name="options">The settings.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Ends the training after the running step, with a checkpoint.</param>
    /// <exception cref="RecipesException">
    /// The model is no upscaler, settings or pictures cannot train, or a loss is not a number.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled before the first step.</exception>
    public static TrainingResult Run(
        StableDiffusionModel model,
        UpscalerOptions options,
        IProgress<TrainingStep>? progress = null,
        CancellationToken cancellation = default)
    {
        options.Check();
        TrainedModel.Check(model, options.Precision);
        RequireWhole(model.Vae.Config.Factor, options.Images.Size);
        var highest = HighestLevel(model, options);
        TrainedModel.Freeze(model);
        var streams = new RandomStreams(options.Seed);
        var adapters = Attach(model, options, streams);
        try
        {
            return Train(model, options, streams, highest, adapters, progress, cancellation);
        }
        catch
        {
            adapters?.Dispose();
            throw;
        }
        finally
        {
            TrainedModel.Freeze(model);
        }
    }

    private static TrainingResult Train(
        StableDiffusionModel model,
        UpscalerOptions options,
        RandomStreams streams,
        int highest,
        LoraSet? adapters,
        IProgress<TrainingStep>? progress,
        CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        FusedNetworks.Prepare(model.UNet);
        var images = options.Mirrored ? options.Images.WithMirrored() : options.Images;
        using var latents = LatentCache.Encode(model.Vae, images, cancellation);
        using var noise = new NoiseSchedule(model.LowResScheduler!);
        var batches = new UpscalerBatches(
            streams,
            options,
            latents,
            Small(model, images),
            Contexts(model, options, images.Count),
            noise,
            highest,
            model.Schedule.Count);
        using var step = new DenoisingStep(
            (noisy, batch) => Predict(model.UNet, noisy, batch),
            model.Schedule,
            batches,
            Trained(model, adapters),
            new DenoisingStepOptions
            {
                Rate = options.LearningRate,
                Optimiser = options.Optimiser.Seeded(streams.Seed(RandomStreams.Rounding, 0)),
                Loss = options.Loss,
                ClipNorm = options.ClipNorm,
                Accumulation = options.Accumulation,
                Recorded = false,
            });
        var (status, done) = TrainingLoop.Run(
            step,
            new TrainingLoopOptions
            {
                Steps = options.Steps,
                CheckpointFolder = options.CheckpointFolder,
                CheckpointEvery = options.CheckpointEvery,
                PlanHash = options.PlanHash,
                MemoryCure = MemoryCure.Of(options.Batch, options.Images.Size, options.Optimiser, null),
            },
            progress,
            cancellation);
        using var _ = no_grad();
        return new TrainingResult(
            status,
            done,
            adapters,
            step.Optimiser.Parameters.Zip(step.Optimiser.Masters).ToDictionary(
                pair => pair.First.Name, pair => pair.Second.detach().clone().DetachFromDisposeScope()));
    }

    private static void RequireWhole(int factor, int size)
    {
        if (size % factor != 0)
        {
            throw new RecipesException(
                "Upscaler.Images",
                $"their size of {size} px is no multiple of {factor}",
                $"Set {Math.Max(1, size / factor) * factor}.");
        }
    }

    private static Tensor Predict(UNet2DConditionModel unet, Tensor noisy, DenoisingBatch batch)
    {
        var small = batch.SmallPictures ?? throw new RecipesException(
            "Upscaler training", "a batch has no small pictures", "Take batches that are made for upscalers.");
        using var scope = NewDisposeScope();
        using var text = new TextContext(batch.Context);
        var conditions = new UNetConditions { ClassLabels = batch.NoiseLevels };
        return unet.forward(cat([noisy, small], 1), batch.Timesteps, text, conditions)
            .MoveToOuterDisposeScope();
    }

    private static int HighestLevel(StableDiffusionModel model, UpscalerOptions options)
    {
        if (model.LowResScheduler is null || model.UNet.Config.NumClassEmbeds is not { } labels)
        {
            throw new RecipesException(
                model.Folder,
                $"it is no upscaler ({model.PipelineClass})",
                "Use a model such as stable-diffusion-x4-upscaler.");
        }

        var most = Math.Min(model.MaxNoiseLevel, Math.Min(model.LowResScheduler.NumTrainTimesteps, (int)labels) - 1);
        var highest = options.HighestNoiseLevel ?? most;
        return highest >= 0 && highest <= most
            ? highest
            : throw new RecipesException(
                "Upscaler.HighestNoiseLevel", $"it is {highest}", $"Set 0 to {most}, or leave it out.");
    }

    private static LoraSet? Attach(StableDiffusionModel model, UpscalerOptions options, RandomStreams streams)
    {
        if (options.Lora is not { } lora)
        {
            return null;
        }

        using var generator = streams.Generator(RandomStreams.Init, 0);
        return LoraSet.Attach(model.UNet, "unet", lora, generator);
    }

    private static IReadOnlyList<NamedParameter> Trained(StableDiffusionModel model, LoraSet? adapters)
    {
        if (adapters is not null)
        {
            return [.. adapters.Parameters];
        }

        var parameters = new List<NamedParameter>();
        foreach (var (name, parameter) in model.UNet.named_parameters())
        {
            parameter.requires_grad = true;
            parameters.Add(new NamedParameter($"unet.{name}", parameter));
        }

        return parameters;
    }

    /// <summary>The pictures, as many times smaller as a latent position has pixels.</summary>
    private static Tensor Small(StableDiffusionModel model, TrainingImages images)
    {
        using var scope = NewDisposeScope();
        var factor = model.Vae.Config.Factor;
        var small = Enumerable.Range(0, images.Count).Select(index => SmallPictures.Of(images.Read(index), factor));
        return cat([.. small], 0).to(model.Device).MoveToOuterDisposeScope();
    }

    private static Tensor Contexts(StableDiffusionModel model, UpscalerOptions options, int pictures)
    {
        using var _ = no_grad();
        var captions = Enumerable.Range(0, pictures).Select(index => options.Captions[index % options.Captions.Count]);
        return model.EncodePrompts([.. captions, ""]);
    }
}
