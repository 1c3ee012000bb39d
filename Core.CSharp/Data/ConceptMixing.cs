namespace Recipes.Core.Data;

/// <summary>How the batches of several concepts follow each other.</summary>
public enum ConceptMixing
{
    /// <summary>One batch of each in turn: all are trained alike, however many pictures they have.</summary>
    InTurn,

    /// <summary>Shuffled, as often as they have pictures: every picture is seen alike.</summary>
    InProportion,
}
