namespace Recipes.Core.Training.Subjects;

/// <summary>What a masked loss is a mean over. The two train at different effective rates, so none is a default.</summary>
public enum MaskNormalisation
{
    /// <summary>
    /// Over the mask's area: Σ(mask × error) / Σ mask for each picture, so that a small subject counts as much as a
    /// large one (Gu et al., "Mix-of-Show", masked reconstruction).
    /// </summary>
    PerArea,

    /// <summary>Over all pixels: mean(mask × error), so that a subject counts by its size.</summary>
    PerPixel,
}
