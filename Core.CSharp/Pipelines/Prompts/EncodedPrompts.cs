using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Prompts;

/// <summary>What the denoiser is told about texts.</summary>
/// <param name="States">
/// [n, tokens, width]: the text encoders' states, side by side where there are two of them. Tokens are a multiple of
/// the tokenizer's length.
/// </param>
/// <param name="Pooled">[n, width] in SDXL: each text's projected pooled state.</param>
public sealed record EncodedPrompts(Tensor States, Tensor? Pooled) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        States.Dispose();
        Pooled?.Dispose();
    }
}
