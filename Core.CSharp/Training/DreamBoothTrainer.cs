using Recipes.Core.Adapters;
using Recipes.Core.Kernels;
using Recipes.Core.Pipelines;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// Teaches a model one subject (Ruiz et al., "DreamBooth: Fine Tuning Text-to-Image Diffusion Models for
/// Subject-Driven Generation"), by adapters or by changing the UNet itself, with or without prior preservation.
/// </summary>
public static class DreamBoothTrainer
{
    /// <summary>Trains, going on from the checkpoint in the options' folder where there is one.</summary>
    /// <param name="model">The base. Adapters stay on it until the result is disposed of.</param>
    /// <param name="options">The settings.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Ends the training after the running step, with a checkpoint.</param>
    /// <exception cref="RecipesException">
    /// Settings or pictures that cannot train, or a loss that is not a number.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled before the first step.</exception>
    public static TrainingResult Run(
        StableDiffusionModel model,
        DreamBoothOptions options,
        IProgress<TrainingStep>? progress = null,
        CancellationToken cancellation = default)
    {
        options.Check();
        TrainedModel.Check(model, options.Precision, options.Images, "DreamBooth.Images");
        TrainedModel.Freeze(model);
        using var instances = LatentCache.Encode(model.Vae, options.Images, cancellation);
        using var classes = options.Prior is { } prior
            ? LatentCache.Encode(model.Vae, prior.Images, cancellation)
            : null;
        var streams = new RandomStreams(options.Seed);
        var adapters = Attach(model, options, streams);
        try
        {
            var result = Train(model, options, streams, instances, classes, adapters, progress, cancellation);
            adapters?.DrawDropoutFrom(null);
            return result;
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
        DreamBoothOptions options,
        RandomStreams streams,
        LatentCache instances,
        LatentCache? classes,
        LoraSet? adapters,
        IProgress<TrainingStep>? progress,
        CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        FusedNetworks.Prepare(model.UNet);
        using var dropout = new DropoutDraws(adapters, streams, model.Device);
        var batches = new DreamBoothBatches(
            streams, options, instances, classes, Context(model, options), model.Schedule.Count, model.Device);
        using var step = new DenoisingStep(
            model.UNet.forward,
            model.Schedule,
            batches,
            Trained(model, options, adapters),
            new DenoisingStepOptions
            {
                Rate = options.LearningRate,
                AdamW = options.AdamW,
                Loss = new DiffusionLossOptions
                {
                    MinSnrGamma = options.MinSnrGamma,
                    PriorWeight = options.Prior?.Weight,
                },
                ClipNorm = options.ClipNorm,
                Accumulation = options.Accumulation,
                BeforePass = dropout.Needed ? dropout.Begin : null,
            });
        var (status, done) = TrainingLoop.Run(
            step,
            new TrainingLoopOptions
            {
                Steps = options.Steps,
                CheckpointFolder = options.CheckpointFolder,
                CheckpointEvery = options.CheckpointEvery,
                PlanHash = options.PlanHash,
            },
            progress,
            cancellation);
        var visits = options with { Steps = done };
        return new TrainingResult(status, done, adapters, Weights(step.Optimiser))
        {
            ClassImages = visits.ClassImageVisits,
            PlainReason = model.Device.type == DeviceType.CUDA ? step.PlainReason : null,
        };
    }

    private static LoraSet? Attach(StableDiffusionModel model, DreamBoothOptions options, RandomStreams streams)
    {
        var sets = new List<LoraSet>();
        try
        {
            if (options.Lora is { } image)
            {
                using var generator = streams.Generator(RandomStreams.Init, 0);
                sets.Add(LoraSet.Attach(model.UNet, "unet", image, generator));
            }

            if (options.TextLora is { } text)
            {
                using var generator = streams.Generator(RandomStreams.Init, 1);
                sets.Add(LoraSet.Attach(model.TextEncoder, "text_encoder", text, generator));
            }
        }
        catch
        {
            sets.ForEach(set => set.Dispose());
            throw;
        }

        return sets.Count == 0 ? null : LoraSet.Join(sets);
    }

    private static IReadOnlyList<NamedParameter> Trained(
        StableDiffusionModel model, DreamBoothOptions options, LoraSet? adapters)
    {
        var parameters = new List<NamedParameter>(adapters?.Parameters ?? []);
        if (options.Lora is null)
        {
            var layers = options.Layers?.ToHashSet();
            foreach (var (name, parameter) in model.UNet.named_parameters())
            {
                if (layers is null || layers.Contains(name[..name.LastIndexOf('.')]))
                {
                    parameter.requires_grad = true;
                    parameters.Add(new NamedParameter($"unet.{name}", parameter));
                }
            }

            if (parameters.Count == (adapters?.Parameters.Count ?? 0))
            {
                throw new RecipesException(
                    "DreamBooth.Layers",
                    $"the UNet has none of the {options.Layers?.Count} layers",
                    "Name layers as its file does, such as mid_block.attentions.0.proj_in.");
            }
        }

        return parameters;
    }

    /// <summary>
    /// The prompts' embeddings: computed once while the text encoder is frozen, anew at each pass while it is trained.
    /// </summary>
    private static Func<Tensor> Context(StableDiffusionModel model, DreamBoothOptions options)
    {
        string[] prompts = options.Prior is { } prior ? [options.Prompt, prior.Prompt] : [options.Prompt];
        if (options.TextLora is not null)
        {
            var ids = model.Tokenize(prompts);
            return () => model.TextEncoder.forward(ids).LastHiddenState;
        }

        using var _ = no_grad();
        var states = model.EncodePrompts(prompts);
        return () => states.alias();
    }

    /// <summary>The trained weights in float32, which outlive the optimiser.</summary>
    private static Dictionary<string, Tensor> Weights(AdamW optimiser)
    {
        using var _ = no_grad();
        return optimiser.State.ToDictionary(
            item => item.Key, item => item.Value.Master.detach().clone().DetachFromDisposeScope());
    }

    /// <summary>Sets the adapters' dropout for each pass, by its number.</summary>
    private sealed class DropoutDraws(LoraSet? adapters, RandomStreams streams, Device device) : IDisposable
    {
        /// <summary>Whether any adapter leaves out inputs.</summary>
        public bool Needed { get; } = adapters?.Adapters.Any(adapter => adapter.Dropout > 0) ?? false;
        private Generator? generator;

        public void Begin(long number)
        {
            if (Needed)
            {
                Dispose();
                generator = streams.Generator(RandomStreams.Dropout, number, device);
                adapters?.DrawDropoutFrom(generator);
            }
        }

        public void Dispose() => generator?.Dispose();
    }
}
