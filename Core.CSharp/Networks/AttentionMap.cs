using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>How much the pixels of one resolution look at each subject's tokens.</summary>
/// <param name="Factor">How much smaller than the latents the map is along each side: 1, 2, 4, ...</param>
/// <param name="Values">
/// Probabilities, [batch, subjects, height, width], float32: the mean over heads, over the UNet's layers of this
/// resolution and over the subject's tokens.
/// </param>
public sealed record AttentionMap(int Factor, Tensor Values);
