namespace Recipes.Core.Training;

/// <summary>Settings of <see cref="TextualInversionTrainer"/>.</summary>
public sealed record TextualInversionOptions
{
    /// <summary>Pictures of the subject or in the style.</summary>
    public required TrainingImages Images { get; init; }

    /// <summary>The new token, as prompts will write it.</summary>
    public required string Token { get; init; }

    /// <summary>Vectors, and so tokens of a prompt, that it takes.</summary>
    public int Vectors { get; init; } = 1;

    /// <summary>The word whose vector all start from, or as many tokens' words as there are vectors.</summary>
    public required string Initialiser { get; init; }

    /// <summary>Captions with {} for the token.</summary>
    public IReadOnlyList<string> Templates { get; init; } = CaptionTemplates.Object;

    /// <summary>Optimiser steps.</summary>
    public required long Steps { get; init; }

    /// <summary>The full learning rate; 5e-3 is usual.</summary>
    public required double Rate { get; init; }

    /// <summary>How the rate falls.</summary>
    public RateShape Schedule { get; init; } = RateShape.Constant;

    /// <summary>Steps over which the rate rises.</summary>
    public long WarmUp { get; init; }

    /// <summary>Waves of the cosine schedules.</summary>
    public double? Cycles { get; init; }

    /// <summary>Pictures in a pass.</summary>
    public int Batch { get; init; } = 1;

    /// <summary>Passes per optimiser step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>Greatest joint norm of the gradients; null for no limit.</summary>
    public double? ClipNorm { get; init; } = 1;

    /// <summary>The optimiser; its rate is <see cref="Rate"/>.</summary>
    public AdamWOptions AdamW { get; init; } = new();

    /// <summary>γ of min-SNR weighting; null for none.</summary>
    public double? MinSnrGamma { get; init; }

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

    /// <summary>Refuses settings that cannot train.</summary>
    /// <exception cref="RecipesException">A setting is out of range, or a caption lacks the token's place.</exception>
    public void Check()
    {
        LearningRate.Check();
        Require(Batch >= 1, "Batch", $"a batch of {Batch} pictures trains nothing", "Set 1 or more.");
        Require(Vectors >= 1, "Vectors", $"{Vectors} vectors hold nothing", "Set 1 or more.");
        Require(Templates.Count > 0, "Templates", "there are none", "Write one, such as \"a photo of a {}\".");
        foreach (var template in Templates)
        {
            Require(
                template.Contains(CaptionTemplates.Place, StringComparison.Ordinal),
                "Templates",
                $"\"{template}\" does not use the token, which would learn nothing from it",
                "Write {} where the token belongs.");
        }
    }

    private static void Require(bool right, string setting, string fault, string cure)
    {
        if (!right)
        {
            throw new RecipesException($"TextualInversion.{setting}", fault, cure);
        }
    }
}
