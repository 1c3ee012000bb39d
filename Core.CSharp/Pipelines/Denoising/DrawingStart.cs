using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>Where a pipeline begins with a batch of images, and what it adds to the loop.</summary>
internal sealed record DrawingStart
{
    /// <summary>
    /// [images, channels, height, width], float32, as noisy as the first evaluation's; a tensor of its own.
    /// </summary>
    public required Tensor Latents { get; init; }

    /// <summary>The first evaluation, counted in the sampler's timesteps.</summary>
    public int First { get; init; }

    /// <summary>What the UNet is told besides the text, in the UNet's batch; not owned.</summary>
    public UNetConditions? Conditions { get; init; }

    /// <summary>What changes the UNet's input, in order.</summary>
    public IReadOnlyList<IDenoiserPart> Parts { get; init; } = [];

    /// <summary>The latents to go on with after the evaluation of an index; null for those given.</summary>
    public Func<Tensor, int, Tensor>? AfterStep { get; init; }
}
