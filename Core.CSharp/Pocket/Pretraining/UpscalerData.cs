using static TorchSharp.torch;

namespace Recipes.Core.Pocket.Pretraining;

/// <summary>What an upscaler learns from, on the device.</summary>
/// <param name="Latents">Scaled latents of the large pictures, [scenes, channels, height, width].</param>
/// <param name="Pictures">The large pictures of these scenes, float32 [batch, 3, side, side] in [-1, 1].</param>
/// <param name="Ids">Token ids of the captions, [scenes, length].</param>
/// <param name="EmptyIds">Token ids of the empty caption, [length].</param>
public sealed record UpscalerData(Tensor Latents, Func<Tensor, Tensor> Pictures, Tensor Ids, Tensor EmptyIds);
