using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>A picture that steers drawing through a ControlNet.</summary>
public sealed record Control
{
    /// <summary>Of the base model's family, type and device. Not owned.</summary>
    public required ControlNetModel Network { get; init; }

    /// <summary>
    /// [n, channels, height, width], 0 to 1, as ControlTensor.FromImages gives them; one for each image, one for each
    /// prompt, or one for all, of the size of the images drawn. Not owned.
    /// </summary>
    public required Tensor Pictures { get; init; }

    /// <summary>By what the network's residuals are multiplied.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>
    /// The share of the steps after which it sets in: step i of n (from 0) is steered if i / n is no less.
    /// </summary>
    public double Start { get; init; }

    /// <summary>
    /// The share of the steps at which it stops: step i of n (from 0) is steered if (i + 1) / n is no more.
    /// </summary>
    public double End { get; init; } = 1;

    /// <summary>
    /// Whether to guess without prompts: the negative prompt's half is not steered, and fine levels count less. A
    /// ControlNet that averages its residuals over the picture always leaves that half alone.
    /// </summary>
    public bool Guess { get; init; }
}
