using Recipes.Core.Pipelines;
using Recipes.Core.Training.Caches;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// Trains parts of a model on pictures with captions: adapters, weights, new tokens or a ControlNet, on one concept or
/// several, with or without class pictures. DreamBooth (Ruiz et al.), textual inversion (Gal et al.), Custom Diffusion
/// (Kumari et al.), fine-tuning on a captioned set and the tuning of an upscaler are its special cases.
/// </summary>
public static class DiffusionTrainer
{
    /// <summary>Trains, going on from the checkpoint in the options' folder where there is one.</summary>
    /// <param name="model">The base. Adapters and tokens stay on it until the result is disposed of.</param>
    /// <param name="options">The settings.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Ends the training after the running step, with a checkpoint.</param>
    /// <exception cref="RecipesException">
    /// Settings or pictures that cannot train, or a loss that is not a number.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled before the first step.</exception>
    public static TrainingResult Run(
        StableDiffusionModel model,
        DiffusionTrainingOptions options,
        IProgress<TrainingStep>? progress = null,
        CancellationToken cancellation = default)
    {
        options.Check();
        TrainedModel.Check(model, options.Precision);
        options.Buckets.Check(TrainedModel.Granule(model));
        options.Noise.Check(model.Schedule.Count);
        TrainedModel.Freeze(model);
        var streams = new RandomStreams(options.Seed);
        var set = new TrainingSet(options, streams);
        TrainedNetworks? trained = null;
        try
        {
            trained = new TrainedNetworks(model, options.Parts, streams);
            return Train(model, options, streams, set, trained, progress, cancellation);
        }
        catch
        {
            trained?.Dispose();
            throw;
        }
        finally
        {
            TrainedModel.Freeze(model);
        }
    }

    private static TrainingResult Train(
        StableDiffusionModel model,
        DiffusionTrainingOptions options,
        RandomStreams streams,
        TrainingSet set,
        TrainedNetworks trained,
        IProgress<TrainingStep>? progress,
        CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        using var upscaler = UpscalerDraws.Of(model, options.Upscaler, streams);
        var keptLatents = options.Caches.Latents is { } latentFolder ? new LatentStore(model.Vae, latentFolder) : null;
        var keptTexts = options.Caches.Texts is { } textFolder ? new TextStore(model, textFolder) : null;
        using var latents = new PictureLatents(model.Vae, keptLatents, shrinks: upscaler is not null);
        foreach (var (picture, framing) in set.Framings())
        {
            cancellation.ThrowIfCancellationRequested();
            latents.Keep(picture, framing);
        }

        using var captions = new CaptionStates(model, set.Captions, options.Parts.ChangesText, keptTexts);
        using var dropout = new DropoutDraws(trained.Adapters);
        var network = DenoisingNetwork.Of(model.UNet, options.Parts.ControlNet, captions);
        using var rescaled = options.Noise.ZeroTerminalSnr ? TrainedModel.ZeroTerminal(model) : null;
        var schedule = rescaled ?? model.Schedule;
        using var validation = options.Validation is null
            ? null
            : new ValidationLoss(model, options, network, schedule, streams, latents, keptTexts, upscaler);
        using var step = new DenoisingStep(
            network,
            schedule,
            new DiffusionBatches(model, options, streams, set, latents, captions, dropout, upscaler),
            trained.Parameters,
            options.Step with
            {
                Loss = options.Step.Loss with { PriorWeight = options.PriorWeight },
                Optimiser = options.Step.Optimiser.Seeded(streams.Seed(RandomStreams.Rounding, 0)),
                BeforePass = dropout.Needed ? batch => dropout.Begin(batch.Key) : null,
            });
        using var averaged = options.Ema is { } ema ? new EmaStep(step, step.Optimiser, ema) : null;
        using var idle = new IdleNetworks(model, options);
        var watch = new TrainingWatch(model, options, validation, averaged, dropout, idle);
        model.UNet.GradientCheckpointing = options.GradientCheckpointing;
        var (status, done) = TrainingLoop.Run(
            (ITrainingStep?)averaged ?? step,
            new TrainingLoopOptions
            {
                Steps = options.Steps,
                CheckpointFolder = options.CheckpointFolder,
                CheckpointEvery = options.CheckpointEvery,
                PlanHash = options.PlanHash,
                After = watch.Look,
                MemoryCure = MemoryCure.Of(
                    options.Batch,
                    options.Buckets.Size,
                    options.Step.Optimiser,
                    dropout.Needed ? null : options.GradientCheckpointing),
            },
            progress,
            cancellation);
        model.UNet.GradientCheckpointing = false;
        averaged?.Apply();
        return new TrainingResult(status, done, trained, Weights(step.Optimiser, averaged))
        {
            Visits = set.Count(done * options.Step.Accumulation),
            Latents = new CacheUse(keptLatents?.Found ?? 0, keptLatents?.Made ?? 0),
            Texts = new CacheUse(keptTexts?.Found ?? 0, keptTexts?.Made ?? 0),
            PlainReason = model.Device.type == DeviceType.CUDA ? step.PlainReason : null,
        };
    }

    /// <summary>The trained weights, or their averages, in float32, which outlive the optimiser.</summary>
    private static Dictionary<string, Tensor> Weights(IOptimiser optimiser, EmaStep? averaged)
    {
        using var _ = no_grad();
        var all = averaged?.Averages
            ?? optimiser.Parameters.Zip(optimiser.Masters, (item, master) => KeyValuePair.Create(item.Name, master));
        return all.ToDictionary(
            pair => pair.Key, pair => pair.Value.detach().clone().DetachFromDisposeScope());
    }
}
