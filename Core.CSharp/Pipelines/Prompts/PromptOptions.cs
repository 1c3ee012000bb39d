namespace Recipes.Core.Pipelines.Prompts;

/// <summary>How prompts become what the denoiser looks at.</summary>
public sealed record PromptOptions
{
    /// <summary>
    /// How many of the text encoder's last layers are left out: 0 for the states the model was trained with (which in
    /// SDXL are those before the last layer).
    /// </summary>
    public int ClipSkip { get; init; }

    /// <summary>
    /// Whether layers are left out for negative prompts, too. Versions of diffusers differ in it: the reference values
    /// have it, other versions leave them out for prompts alone.
    /// </summary>
    public bool ClipSkipNegative { get; init; } = true;

    /// <summary>Whether brackets change weights, see <see cref="PromptWeights"/>, or are text as any other.</summary>
    public bool Weighted { get; init; } = true;

    /// <summary>What becomes of prompts that are too long.</summary>
    public LongPrompts LongPrompts { get; init; } = LongPrompts.Chunk;

    /// <summary>As the reference implementation does: brackets are text, and what is too long is left out.</summary>
    public static PromptOptions Plain { get; } = new() { Weighted = false, LongPrompts = LongPrompts.Truncate };

    /// <summary>Refuses to skip more layers than there are.</summary>
    internal void Check(StableDiffusionModel model)
    {
        var most = model.TextEncoders.Min(tower => tower.Config.NumHiddenLayers) - (model.IsXL ? 1 : 0);
        if (ClipSkip < 0 || ClipSkip > most)
        {
            throw new RecipesException(
                "Clip skip",
                $"{ClipSkip} layers of the text encoder are to be skipped",
                $"Skip 0 to {most} with the model {model.Folder}.");
        }
    }
}
