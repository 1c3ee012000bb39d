namespace Recipes.Core.Training;

/// <summary>
/// A token to learn (Gal et al., "An Image is Worth One Word: Personalizing Text-to-Image Generation using Textual
/// Inversion"): vectors of its own behind the embedding table, for each text encoder of the model.
/// </summary>
public sealed record NewToken
{
    /// <summary>How prompts and captions write it.</summary>
    public required string Token { get; init; }

    /// <summary>The word whose vector all start from, or as many tokens' words as there are vectors.</summary>
    public required string Initialiser { get; init; }

    /// <summary>Vectors, and so tokens of a prompt, that it takes.</summary>
    public int Vectors { get; init; } = 1;

    /// <summary>Refuses settings that cannot train.</summary>
    /// <exception cref="RecipesException">A setting is out of range.</exception>
    public void Check()
    {
        if (Token.Trim().Length == 0 || Token.Any(char.IsWhiteSpace))
        {
            throw new RecipesException("NewToken.Token", $"\"{Token}\" is no token", "Write a name without spaces.");
        }

        if (Vectors < 1)
        {
            throw new RecipesException(
                $"NewToken.Vectors of {Token}", $"{Vectors} vectors hold nothing", "Set 1 or more.");
        }
    }
}
