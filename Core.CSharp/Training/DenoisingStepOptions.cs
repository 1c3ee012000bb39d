namespace Recipes.Core.Training;

/// <summary>Settings of a denoising step.</summary>
public sealed record DenoisingStepOptions
{
    /// <summary>Rate by step.</summary>
    public required LearningRate Rate { get; init; }

    /// <summary>The optimiser; its own rate is not used.</summary>
    public AdamWOptions AdamW { get; init; } = new();

    /// <summary>The loss.</summary>
    public DiffusionLossOptions Loss { get; init; } = new();

    /// <summary>Greatest joint norm of the gradients; null for no limit.</summary>
    public double? ClipNorm { get; init; } = 1;

    /// <summary>Passes whose gradients are averaged into one optimiser step.</summary>
    public int Accumulation { get; init; } = 1;
}
