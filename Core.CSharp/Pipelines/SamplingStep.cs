using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>Where drawing stands after an evaluation of the network.</summary>
/// <param name="Index">Counted from 0 among the evaluations that are made.</param>
/// <param name="Timestep">What the network was told.</param>
/// <param name="Latents">
/// [images, channels, height, width] after the step, float32 on the model's device. They live as long as the call.
/// </param>
/// <param name="Images">Which of the request's images they are.</param>
public sealed record SamplingStep(int Index, double Timestep, Tensor Latents, Range Images);
