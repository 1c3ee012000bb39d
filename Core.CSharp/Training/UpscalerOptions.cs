using Recipes.Core.Adapters;

namespace Recipes.Core.Training;

/// <summary>Settings of <see cref="UpscalerTrainer"/>.</summary>
public sealed record UpscalerOptions
{
    /// <summary>The large pictures; the small ones are made of them.</summary>
    public required TrainingImages Images { get; init; }

    /// <summary>A caption for each picture, or one for all.</summary>
    public required IReadOnlyList<string> Captions { get; init; }

    /// <summary>Whether every picture is also seen mirrored left to right.</summary>
    public bool Mirrored { get; init; }

    /// <summary>The share of captions left out, 0 to 1.</summary>
    public double CaptionDropout { get; init; } = 0.1;

    /// <summary>
    /// The highest timestep whose noise is added to small pictures; every level up to it is as likely. Null for the
    /// model's own highest.
    /// </summary>
    public int? HighestNoiseLevel { get; init; }

    /// <summary>Optimiser steps.</summary>
    public required long Steps { get; init; }

    /// <summary>The full learning rate.</summary>
    public required double Rate { get; init; }

    /// <summary>How the rate falls.</summary>
    public RateShape Schedule { get; init; } = RateShape.Constant;

    /// <summary>What the shape of the rate needs; see <see cref="LearningRate.Cycles"/>.</summary>
    public double? Cycles { get; init; }

    /// <summary>Steps over which the rate rises.</summary>
    public long WarmUp { get; init; }

    /// <summary>Pictures in a pass.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Passes per optimiser step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>Greatest joint norm of the gradients; null for no limit.</summary>
    public double? ClipNorm { get; init; } = 1;

    /// <summary>The optimiser; a rate of its own is not used.</summary>
    public OptimiserOptions Optimiser { get; init; } = new AdamWOptions();

    /// <summary>The loss.</summary>
    public DiffusionLossOptions Loss { get; init; } = new();

    /// <summary>The UNet's adapters, without dropout; null trains the whole UNet.</summary>
    public LoraOptions? Lora { get; init; }

    /// <summary>What the model must have been loaded in.</summary>
    public Precision Precision { get; init; } = Precision.Float32;

    /// <summary>Root of all random numbers.</summary>
    public required string Seed { get; init; }

    /// <summary>Where checkpoints go and where a run resumes from; null for neither.</summary>
    public string? CheckpointFolder { get; init; }

    /// <summary>Steps between checkpoints.</summary>
    public long? CheckpointEvery { get; init; }

    /// <summary>Tells this plan's checkpoints from others'.</summary>
    public string PlanHash { get; init; } = "";

    /// <summary>The rate by step.</summary>
    public LearningRate LearningRate => new()
    {
        Rate = Rate,
        Shape = Schedule,
        Cycles = Cycles,
        Steps = Steps,
        WarmUp = WarmUp,
    };

    /// <summary>Refuses settings that cannot train.</summary>
    /// <exception cref="RecipesException">A setting is out of range.</exception>
    public void Check()
    {
        LearningRate.Check();
        Optimiser.Check();
        Loss.Check();
        Lora?.Check();
        Require(Batch >= 1, "Batch", $"a batch of {Batch} pictures trains nothing", "Set 1 or more.");
        Require(
            Captions.Count == 1 || Captions.Count == Images.Count,
            "Captions",
            $"there are {Captions.Count} for {Images.Count} pictures",
            "Give one for each picture, or one for all.");
        Require(
            CaptionDropout is >= 0 and <= 1, "CaptionDropout", $"the share is {CaptionDropout}", "Set 0 to 1.");
        Require(
            Lora is not { Dropout: > 0 },
            "Lora.Dropout",
            $"it is {Lora?.Dropout}",
            "Set 0: the noise of the small pictures is what keeps an upscaler from learning them by heart.");
    }

    private static void Require(bool right, string setting, string fault, string cure)
    {
        if (!right)
        {
            throw new RecipesException($"Upscaler.{setting}", fault, cure);
        }
    }
}
