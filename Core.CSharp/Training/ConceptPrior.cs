using Recipes.Core.Data;

namespace Recipes.Core.Training;

/// <summary>
/// Prior preservation: class pictures that keep the class from drifting to the subject (Ruiz et al., "DreamBooth",
/// equation 2). Each batch holds as many of them as pictures of the concept.
/// </summary>
public sealed record ConceptPrior
{
    /// <summary>Pictures of the class, drawn by the base model from their captions.</summary>
    public required IReadOnlyList<TrainingPicture> Pictures { get; init; }

    /// <summary>λ, more than 0; the same for all concepts trained together.</summary>
    public double Weight { get; init; } = 1;
}
