namespace Recipes.Core.Data;

/// <summary>Which part of a picture is kept where it does not have the shape of its bucket.</summary>
public enum CropRule
{
    /// <summary>The middle.</summary>
    Centre,

    /// <summary>Another part at each visit.</summary>
    Random,
}
