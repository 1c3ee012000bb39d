using Recipes.Core.Data;

namespace Recipes.Core.Training;

/// <summary>Something a model learns: a subject, a style, or all there is in a set of pictures.</summary>
public sealed record Concept
{
    /// <summary>What to call it in reports and messages.</summary>
    public required string Name { get; init; }

    /// <summary>Its pictures with their captions.</summary>
    public required IReadOnlyList<TrainingPicture> Pictures { get; init; }

    /// <summary>How likely a picture of it is mirrored at a visit, 0 to 1; class pictures likewise.</summary>
    public double Flip { get; init; }

    /// <summary>Class pictures; null for none.</summary>
    public ConceptPrior? Prior { get; init; }
}
