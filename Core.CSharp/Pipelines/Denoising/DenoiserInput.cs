using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>What the UNet is asked at one evaluation. With guidance the batch holds every image twice.</summary>
/// <param name="Sample">Latents as the sampler scales them, [batch, channels, height, width].</param>
/// <param name="Timestep">[1], float32 on the model's device.</param>
/// <param name="Context">The text, its keys and values kept over all evaluations.</param>
/// <param name="Conditions">What the model is told besides.</param>
/// <param name="Index">Counted in the sampler's timesteps.</param>
/// <param name="Start">The index of the first evaluation; above 0 where the start is a noisy picture.</param>
/// <param name="Count">All timesteps of the sampler.</param>
internal sealed record DenoiserInput(
    Tensor Sample, Tensor Timestep, TextContext Context, UNetConditions Conditions, int Index, int Start, int Count);
