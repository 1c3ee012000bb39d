using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>The same channels behind the latents at every evaluation, such as a mask or a small picture.</summary>
/// <param name="channels">[batch, channels, height, width], in the batch of the UNet; not owned.</param>
internal sealed class FurtherChannels(Tensor channels) : IDenoiserPart
{
    public DenoiserInput Extend(DenoiserInput input) => input with
    {
        Sample = cat([input.Sample, channels.to_type(input.Sample.dtype)], 1),
    };
}
