using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>What an upscaler is shown beside the noisy latents.</summary>
/// <param name="Small">The small pictures, their own noise added, [batch, 3, height, width], float32.</param>
/// <param name="Levels">The level of that noise, [batch], int64.</param>
public sealed record UpscalerInputs(Tensor Small, Tensor Levels);
