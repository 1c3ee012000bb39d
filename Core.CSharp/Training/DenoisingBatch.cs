using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>What one pass of a denoising network is trained on.</summary>
/// <param name="Latents">Clean latents, scaled, [batch, channels, height, width], float32.</param>
/// <param name="Noise">Standard normal noise of that shape.</param>
/// <param name="Timesteps">Diffusion times, [batch], int64.</param>
/// <param name="Context">Text embeddings, [batch, tokens, width].</param>
public sealed record DenoisingBatch(Tensor Latents, Tensor Noise, Tensor Timesteps, Tensor Context)
{
    /// <summary>Control pictures, [batch, channels, height, width] in 0 to 1, where a ControlNet is trained.</summary>
    public Tensor? Control { get; init; }

    /// <summary>What an upscaler is shown, where one is trained.</summary>
    public UpscalerInputs? Upscaler { get; init; }
}

/// <summary>Where batches come from.</summary>
public interface IBatchSource
{
    /// <summary>A batch, decided by its number alone so that resuming gives the same one.</summary>
    /// <param name="number">Counts batches from 0: optimiser step × accumulation + pass.</param>
    DenoisingBatch Batch(long number);
}
