using Recipes.Core.Data;
using Recipes.Core.Training.Subjects;

namespace Recipes.Core.Training;

/// <summary>All settings of a training, whatever its method.</summary>
public sealed record DiffusionTrainingOptions
{
    /// <summary>What is learned from.</summary>
    public required IReadOnlyList<Concept> Concepts { get; init; }

    /// <summary>What is trained.</summary>
    public required TrainedParts Parts { get; init; }

    /// <summary>
    /// Steps and rate, optimiser, loss, clipping, accumulation. Its prior weight is taken from the concepts.
    /// </summary>
    public required DenoisingStepOptions Step { get; init; }

    /// <summary>The sizes that pictures are trained at.</summary>
    public required BucketOptions Buckets { get; init; }

    /// <summary>Root of all random numbers.</summary>
    public required string Seed { get; init; }

    /// <summary>Pictures of a concept in a pass; as many class pictures come with them.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>How the batches of several concepts follow each other.</summary>
    public ConceptMixing Mixing { get; init; } = ConceptMixing.InTurn;

    /// <summary>Which part of a picture is kept.</summary>
    public CropRule Crop { get; init; } = CropRule.Centre;

    /// <summary>
    /// How likely a caption is left out, so that guidance keeps working (Ho and Salimans, "Classifier-Free Diffusion
    /// Guidance"); 0 to 1.
    /// </summary>
    public double CaptionDropout { get; init; }

    /// <summary>What is special where the model is an upscaler; null for other models.</summary>
    public UpscalerOptions? Upscaler { get; init; }

    /// <summary>Which noise is added, and at which times.</summary>
    public NoiseOptions Noise { get; init; } = new();

    /// <summary>
    /// How the pictures' masks weigh the loss's pixels; null where masks, if any, weigh nothing.
    /// </summary>
    public MaskedLossOptions? MaskedLoss { get; init; }

    /// <summary>A running average of the trained weights, which is the result; null for the weights themselves.</summary>
    public EmaOptions? Ema { get; init; }

    /// <summary>The loss on pictures held out; null for none.</summary>
    public ValidationOptions? Validation { get; init; }

    /// <summary>Looking at the model meanwhile; null for none.</summary>
    public PreviewOptions? Preview { get; init; }

    /// <summary>What is kept for other runs.</summary>
    public CacheOptions Caches { get; init; } = new();

    /// <summary>What the model must have been loaded in.</summary>
    public Precision Precision { get; init; } = Precision.Float32;

    /// <summary>Whether the UNet's blocks are run again for their gradients; see
    /// <see cref="Networks.UNet2DConditionModel.GradientCheckpointing"/>.</summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>Where checkpoints go and where a run resumes from; null for neither.</summary>
    public string? CheckpointFolder { get; init; }

    /// <summary>Steps between checkpoints.</summary>
    public long? CheckpointEvery { get; init; }

    /// <summary>Tells this plan's checkpoints from others'.</summary>
    public string PlanHash { get; init; } = "";

    /// <summary>Optimiser steps.</summary>
    public long Steps => Step.Rate.Steps;

    /// <summary>λ of the concepts' class pictures; null where there are none.</summary>
    public double? PriorWeight => Concepts.Count > 0 ? Concepts[0].Prior?.Weight : null;

    /// <summary>These settings for an upscaler whose plan is part of another.</summary>
    /// <param name="upscaler">What is special of it.</param>
    /// <param name="planHash">The whole plan's.</param>
    public DiffusionTrainingOptions ForUpscaler(UpscalerOptions upscaler, string planHash) =>
        this with { Upscaler = upscaler, PlanHash = planHash };

    /// <summary>Refuses settings that cannot train, before a model is needed.</summary>
    /// <exception cref="RecipesException">A setting is out of range, or two exclude each other.</exception>
    public void Check()
    {
        Step.Check();
        Parts.Check();
        MaskedLoss?.Check();
        Validation?.Check();
        Preview?.Check();
        Upscaler?.Check();
        Require(Batch >= 1, "Batch", $"a batch of {Batch} pictures trains nothing", "Set 1 or more.");
        Share("CaptionDropout", CaptionDropout);
        Require(
            Upscaler is null || CaptionDropout == 0,
            "CaptionDropout",
            $"it is {CaptionDropout}, and an upscaler has a share of its own",
            "Set Upscaler.CaptionDropout.");
        TrainingChecks.Concepts(this);
        TrainingChecks.Caches(this);

        static void Share(string setting, double share) => Require(
            share is >= 0 and <= 1, setting, $"{share} is no probability", "Set a number from 0 to 1.");
    }

    private static void Require(bool right, string setting, string fault, string cure)
    {
        if (!right)
        {
            throw new RecipesException($"Training.{setting}", fault, cure);
        }
    }
}
