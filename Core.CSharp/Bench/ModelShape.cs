using Recipes.Core.Networks;

namespace Recipes.Core.Bench;

/// <summary>The shapes of all networks of a published model, without its weights.</summary>
/// <param name="Name">What it is called on the command line, as sd15.</param>
/// <param name="PipelineClass">What its model_index.json names.</param>
/// <param name="UNet">The denoiser's.</param>
/// <param name="Vae">The autoencoder's.</param>
/// <param name="TextEncoders">One text encoder's, or two (SDXL).</param>
/// <param name="Velocity">Whether it predicts velocity rather than noise.</param>
public sealed record ModelShape(
    string Name,
    string PipelineClass,
    UNetConfig UNet,
    VaeConfig Vae,
    IReadOnlyList<ClipTextConfig> TextEncoders,
    bool Velocity = false)
{
    /// <summary>Height and width in pixels of the pictures it was trained on.</summary>
    public long NativeSize => UNet.SampleSize * Vae.Factor;
}
