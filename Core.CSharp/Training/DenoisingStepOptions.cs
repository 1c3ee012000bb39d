namespace Recipes.Core.Training;

/// <summary>Settings of <see cref="DenoisingStep"/>.</summary>
public sealed record DenoisingStepOptions
{
    /// <summary>Rate by step.</summary>
    public required LearningRate Rate { get; init; }

    /// <summary>The optimiser; a rate of its own is not used.</summary>
    public OptimiserOptions Optimiser { get; init; } = new AdamWOptions();

    /// <summary>The loss.</summary>
    public DiffusionLossOptions Loss { get; init; } = new();

    /// <summary>Further terms of the loss; see <see cref="IAuxiliaryLoss"/>.</summary>
    public IReadOnlyList<IAuxiliaryLoss> Auxiliary { get; init; } = [];

    /// <summary>Greatest joint norm of the gradients; null for no limit.</summary>
    public double? ClipNorm { get; init; } = 1;

    /// <summary>Passes whose gradients are averaged into one optimiser step.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>
    /// Called with each batch before its pass, to set what depends on it, such as what dropout leaves out. Where the step
    /// is recorded it is called while that is done, with a batch whose tensors hold each pass's own values later.
    /// </summary>
    public Action<DenoisingBatch>? BeforePass { get; init; }

    /// <summary>Whether to record the step and replay it where that can be done.</summary>
    public bool Recorded { get; init; } = true;

    /// <summary>Refuses settings that cannot train.</summary>
    /// <exception cref="RecipesException">A number is out of range.</exception>
    public void Check()
    {
        Rate.Check();
        Optimiser.Check();
        Loss.Check();
        foreach (var loss in Auxiliary)
        {
            loss.Check();
        }

        if (Accumulation < 1)
        {
            throw new RecipesException("Accumulation", $"{Accumulation} passes make no step", "Set 1 or more.");
        }

        if (ClipNorm is { } limit && !(limit > 0))
        {
            throw new RecipesException(
                "ClipNorm",
                $"the limit is {limit}",
                "Set a limit above 0, or leave clipping out.");
        }
    }
}
