using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>Images that are drawn together, as a pipeline's start sees them.</summary>
/// <param name="Model">The model.</param>
/// <param name="Range">Which of the request's images.</param>
/// <param name="Guided">Whether the UNet's batch holds every image twice.</param>
/// <param name="Sampling">The way from noise to pictures.</param>
/// <param name="Noise">All draws of these images, in order.</param>
/// <param name="Tiling">Whether pictures go through the autoencoder in tiles.</param>
internal sealed record DrawingGroup(
    StableDiffusionModel Model, Range Range, bool Guided, ISampling Sampling, NoiseSource Noise, VaeTiling Tiling)
{
    /// <summary>How many images.</summary>
    public int Count => Range.End.Value - Range.Start.Value;

    /// <summary>Standard normal noise on the model's device, float32, [images, ..] or as the rows given.</summary>
    public Tensor Normal(params long[] shape) => Noise.Normal(shape, Model.Device, ScalarType.Float32);

    /// <summary>Latents of pictures, drawn from their distributions and scaled, [images, ..].</summary>
    /// <param name="pictures">One for each image, or one for all.</param>
    public Tensor Encode(Tensor pictures)
    {
        using var scope = NewDisposeScope();
        using var noise = DrawFor(pictures);
        var drawn = LatentCoder.Encode(Model.Vae, pictures, noise, Tiling);
        return drawn.expand(Count, -1, -1, -1).MoveToOuterDisposeScope();
    }

    /// <summary>The noise that drawing latents of pictures takes.</summary>
    /// <param name="pictures">One for each image, or one for all, which a shared generator draws once.</param>
    public Tensor DrawFor(Tensor pictures)
    {
        var config = Model.Vae.Config;
        return Normal(
            Noise.IsShared ? pictures.shape[0] : Count,
            config.LatentChannels,
            pictures.shape[2] / config.Factor,
            pictures.shape[3] / config.Factor);
    }

    /// <summary>A tensor of one row for each image in the UNet's batch.</summary>
    public Tensor ForUNet(Tensor rows) => Guided ? cat([rows, rows], 0) : rows.alias();
}
