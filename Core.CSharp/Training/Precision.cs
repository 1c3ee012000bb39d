namespace Recipes.Core.Training;

/// <summary>The type in which the frozen networks compute.</summary>
public enum Precision
{
    /// <summary>Float32 throughout.</summary>
    Float32,

    /// <summary>Bfloat16; trained weights keep float32 masters.</summary>
    BFloat16,
}
