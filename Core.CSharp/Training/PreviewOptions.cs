using Recipes.Core.Pipelines;

namespace Recipes.Core.Training;

/// <summary>Looking at the model while it is trained.</summary>
public sealed record PreviewOptions
{
    /// <summary>Steps from one look to the next.</summary>
    public required long Every { get; init; }

    /// <summary>
    /// Called with the steps done and the model as it would be used now: adapters and tokens on it, averaged weights
    /// where they are on, no dropout. It may draw as it likes, and must not change weights.
    /// </summary>
    public required Action<long, StableDiffusionModel> Show { get; init; }

    /// <summary>Refuses settings that show nothing.</summary>
    /// <exception cref="RecipesException">There are no steps between two looks.</exception>
    public void Check()
    {
        if (Every < 1)
        {
            throw new RecipesException("Preview.Every", $"{Every} is not a number of steps", "Set 1 or more.");
        }
    }
}
