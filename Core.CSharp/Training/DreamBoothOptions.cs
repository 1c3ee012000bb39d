using Recipes.Core.Adapters;

namespace Recipes.Core.Training;

/// <summary>The type in which the frozen networks compute.</summary>
public enum Precision
{
    /// <summary>Float32 throughout.</summary>
    Float32,

    /// <summary>Bfloat16; trained weights keep float32 masters.</summary>
    BFloat16,
}

/// <summary>
/// Prior preservation: class pictures that keep the class from drifting to the subject (Ruiz et al., equation 2).
/// </summary>
public sealed record PriorPreservation
{
    /// <summary>Pictures of the class, drawn by the base model from <see cref="Prompt"/>.</summary>
    public required TrainingImages Images { get; init; }

    /// <summary>The class without the subject: a photo of a dog.</summary>
    public required string Prompt { get; init; }

    /// <summary>λ, more than 0.</summary>
    public double Weight { get; init; } = 1;
}

/// <summary>Settings of <see cref="DreamBoothTrainer"/>.</summary>
public sealed record DreamBoothOptions
{
    /// <summary>Pictures of the subject.</summary>
    public required TrainingImages Images { get; init; }

    /// <summary>The subject's prompt: a photo of sks dog.</summary>
    public required string Prompt { get; init; }

    /// <summary>Class pictures; null for none.</summary>
    public PriorPreservation? Prior { get; init; }

    /// <summary>Optimiser steps.</summary>
    public required long Steps { get; init; }

    /// <summary>The full learning rate.</summary>
    public required double Rate { get; init; }

    /// <summary>How the rate falls.</summary>
    public RateShape Schedule { get; init; } = RateShape.Constant;

    /// <summary>Steps over which the rate rises.</summary>
    public long WarmUp { get; init; }

    /// <summary>Waves of the cosine schedules.</summary>
    public double? Cycles { get; init; }

    /// <summary>Subject pictures in a pass; as many class pictures come with them.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Passes per optimiser step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>Greatest joint norm of the gradients; null for no limit.</summary>
    public double? ClipNorm { get; init; } = 1;

    /// <summary>The optimiser; its rate is <see cref="Rate"/>.</summary>
    public AdamWOptions AdamW { get; init; } = new();

    /// <summary>γ of min-SNR weighting; null for none.</summary>
    public double? MinSnrGamma { get; init; }

    /// <summary>
    /// The UNet's layers whose own weights and biases are trained where there are no adapters for it, by name as in its
    /// file; null for all of the UNet.
    /// </summary>
    public IReadOnlyList<string>? Layers { get; init; }

    /// <summary>The UNet's adapters; null trains the UNet's own weights.</summary>
    public LoraOptions? Lora { get; init; }

    /// <summary>The text encoder's adapters; null leaves it frozen.</summary>
    public LoraOptions? TextLora { get; init; }

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
    public LearningRate LearningRate =>
        new() { Rate = Rate, Shape = Schedule, Steps = Steps, WarmUp = WarmUp, Cycles = Cycles };

    /// <summary>How many different class pictures the training visits, out of those there are.</summary>
    public (int Visited, int Count) ClassImageVisits =>
        Prior is null ? (0, 0) : ((int)Math.Min(Prior.Images.Count, Steps * Accumulation * Batch), Prior.Images.Count);

    /// <summary>Refuses settings that cannot train.</summary>
    /// <exception cref="RecipesException">A setting is out of range.</exception>
    public void Check()
    {
        LearningRate.Check();
        Require(Batch >= 1, "Batch", $"a batch of {Batch} pictures trains nothing", "Set 1 or more.");
        Require(Prompt.Trim().Length > 0, "Prompt", "it is empty", "Write one, such as \"a photo of sks dog\".");
        Lora?.Check();
        TextLora?.Check();
        if (Prior is { } prior)
        {
            Require(
                prior.Images.Size == Images.Size,
                "Prior.Images",
                $"they are of {prior.Images.Size} px, the subject's of {Images.Size}",
                "Prepare both at one size.");
            Require(
                prior.Prompt != Prompt,
                "Prior.Prompt",
                "it is the subject's own prompt",
                "Leave the subject's token out of it.");
        }
    }

    private static void Require(bool right, string setting, string fault, string cure)
    {
        if (!right)
        {
            throw new RecipesException($"DreamBooth.{setting}", fault, cure);
        }
    }
}
