namespace Recipes.Core.Pipelines.Prompts;

/// <summary>What becomes of a prompt with more tokens than the text encoder takes at once (75 in CLIP).</summary>
public enum LongPrompts
{
    /// <summary>Every 75 tokens are encoded by themselves, and the states put one after another.</summary>
    Chunk,

    /// <summary>The rest is left out, as in the reference implementation.</summary>
    Truncate,
}
