namespace Recipes.Core.Training;

/// <summary>How often a training visited a concept's pictures.</summary>
/// <param name="Concept">Its name.</param>
/// <param name="Pictures">The visits of each of its pictures.</param>
/// <param name="ClassPictures">How many class pictures there are.</param>
/// <param name="ClassVisited">How many of them were visited at least once.</param>
public sealed record ConceptVisits(
    string Concept, IReadOnlyList<long> Pictures, int ClassPictures, int ClassVisited);
