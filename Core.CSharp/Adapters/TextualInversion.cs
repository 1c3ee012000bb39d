using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>
/// A token with vectors of its own (Gal et al., "An Image is Worth One Word: Personalizing Text-to-Image Generation
/// using Textual Inversion"): one or several, for one text encoder or for each of SDXL's two.
/// </summary>
public sealed class TextualInversion : IDisposable
{
    /// <param name="token">How prompts write it.</param>
    /// <param name="parts">The vectors by text encoder, which become this object's own.</param>
    public TextualInversion(string token, params IReadOnlyList<TokenVectors> parts)
    {
        Token = token;
        Parts = parts;
        foreach (var part in parts)
        {
            part.Rows.DetachFromDisposeScope();
        }
    }

    /// <summary>How prompts write it.</summary>
    public string Token { get; }

    /// <summary>The vectors; one part, or one for each of two text encoders.</summary>
    public IReadOnlyList<TokenVectors> Parts { get; }

    /// <summary>How many vectors, and so tokens of a prompt, it takes.</summary>
    public int Count => (int)Parts[0].Rows.shape[0];

    /// <summary>The family of models that its file says it was made for: SD1, SD2, SDXL.</summary>
    public string? Family { get; init; }

    /// <summary>Where it was read from, for messages.</summary>
    public string Where => Source ?? $"token {Token}";

    /// <summary>The file it was read from.</summary>
    public string? Source { get; init; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var part in Parts)
        {
            part.Rows.Dispose();
        }
    }
}

/// <summary>The vectors of a token in one text encoder.</summary>
/// <param name="Rows">[n, width], float32.</param>
/// <param name="Encoder">Which encoder, from 0; null for the one of that width.</param>
public sealed record TokenVectors(Tensor Rows, int? Encoder = null);
