using Recipes.Core.Adapters;
using Recipes.Core.Kernels;
using Recipes.Core.Pipelines;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// Teaches a model a new token by its vectors alone (Gal et al., "An Image is Worth One Word: Personalizing
/// Text-to-Image Generation using Textual Inversion"). The vectors are a parameter of their own behind the embedding
/// table, so that nothing else has gradients or optimiser state and every other row stays bit for bit what it was.
/// </summary>
public static class TextualInversionTrainer
{
    /// <summary>Trains, going on from the checkpoint in the options' folder where there is one.</summary>
    /// <param name="model">The base. The token stays on it until the result is disposed of.</param>
    /// <param name="options">The settings.</param>
    /// <param name="progress">Told of every step.</param>
    /// <param name="cancellation">Ends the training after the running step, with a checkpoint.</param>
    /// <exception cref="RecipesException">
    /// Settings or pictures that cannot train, a token that is a word already, or a loss that is not a number.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled before the first step.</exception>
    public static TextualInversionResult Run(
        StableDiffusionModel model,
        TextualInversionOptions options,
        IProgress<TrainingStep>? progress = null,
        CancellationToken cancellation = default)
    {
        options.Check();
        if (model.IsXL)
        {
            throw new RecipesException(
                model.Folder,
                "textual inversion trains one text encoder, this model has two",
                "Train a LoRA on it, or choose an SD1 or SD2 model.");
        }

        TrainedModel.Check(model, options.Precision, options.Images, "TextualInversion.Images");
        TrainedModel.Freeze(model);
        var rows = new Parameter(InitialRows(model, options));
        var inversion = new TextualInversion(options.Token, new TokenVectors(rows, 0));
        try
        {
            model.LearnedTokens.Add(inversion);
        }
        catch
        {
            inversion.Dispose();
            throw;
        }

        try
        {
            var (status, done) = Train(model, options, rows, progress, cancellation);
            rows.requires_grad = false;
            return new TextualInversionResult(model, status, done, inversion);
        }
        catch
        {
            model.LearnedTokens.Remove(options.Token);
            inversion.Dispose();
            throw;
        }
    }

    private static (TrainingStatus Status, long Done) Train(
        StableDiffusionModel model,
        TextualInversionOptions options,
        Parameter rows,
        IProgress<TrainingStep>? progress,
        CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        FusedNetworks.Prepare(model.UNet);
        using var latents = LatentCache.Encode(model.Vae, options.Images, cancellation);
        var captions = model.Tokenize(
            [.. options.Templates.Select(template => template.Replace(CaptionTemplates.Place, options.Token))]);
        var batches = new CaptionedBatches(
            new RandomStreams(options.Seed),
            latents,
            captions,
            ids => model.TextEncoder.forward(ids).LastHiddenState,
            options.Batch,
            model.Schedule.Count,
            model.Device);
        using var step = new DenoisingStep(
            model.UNet.forward,
            model.Schedule,
            batches,
            [new NamedParameter($"text_encoder.{options.Token}", rows)],
            new DenoisingStepOptions
            {
                Rate = options.LearningRate,
                AdamW = options.AdamW,
                Loss = new DiffusionLossOptions { MinSnrGamma = options.MinSnrGamma },
                ClipNorm = options.ClipNorm,
                Accumulation = options.Accumulation,
            });
        return TrainingLoop.Run(
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
    }

    /// <summary>The vectors of the initialiser's tokens, in float32: one for each, or one for all.</summary>
    private static Tensor InitialRows(StableDiffusionModel model, TextualInversionOptions options)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var ids = model.Tokenizer.Tokenize(options.Initialiser).Select(id => (long)id).ToArray();
        if (ids.Length != 1 && ids.Length != options.Vectors)
        {
            throw new RecipesException(
                "TextualInversion.Initialiser",
                $"\"{options.Initialiser}\" is {ids.Length} tokens, Vectors is {options.Vectors}",
                ids.Length == 0 ? "Write a word." : $"Use a word of one token, or set Vectors to {ids.Length}.");
        }

        var chosen = tensor(ids, dtype: ScalarType.Int64, device: model.TextEncoder.Device);
        var rows = model.TextEncoder.Tokens.forward(chosen).to(ScalarType.Float32);
        return rows.expand(options.Vectors, -1).clone().MoveToOuterDisposeScope();
    }
}
