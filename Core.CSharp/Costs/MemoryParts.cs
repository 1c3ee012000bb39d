namespace Recipes.Core.Costs;

/// <summary>An estimate of the most memory that a piece of work holds, in bytes by what they are for.</summary>
/// <param name="Weights">The networks.</param>
/// <param name="Trained">Adapters, float32 masters and running averages beside the networks.</param>
/// <param name="Gradients">Of what is trained.</param>
/// <param name="Moments">What the optimiser remembers.</param>
/// <param name="Activations">What a pass keeps for its gradients.</param>
/// <param name="Working">What a pass holds for a moment.</param>
/// <param name="Libraries">Workspaces, the allocator's rounding, and on the CPU the program itself.</param>
public sealed record MemoryParts(
    long Weights,
    long Trained,
    long Gradients,
    long Moments,
    long Activations,
    long Working,
    long Libraries)
{
    /// <summary>Everything together.</summary>
    public long Total => Weights + Trained + Gradients + Moments + Activations + Working + Libraries;
}
