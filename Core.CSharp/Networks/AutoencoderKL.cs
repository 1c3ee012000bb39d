using Recipes.Core.Networks.Blocks;
using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>
/// The autoencoder between pictures and latents (Rombach et al. 2022, section 3.1). Its parameters are named as in
/// diffusers checkpoints.
/// </summary>
public sealed class AutoencoderKL : nn.Module<Tensor, Tensor>
{
    private readonly VaeEncoder encoder;
    private readonly VaeDecoder decoder;
    private readonly Conv2d? quant_conv;
    private readonly Conv2d? post_quant_conv;

    /// <param name="config">The shape.</param>
    /// <param name="device">The CPU by default; meta for shapes alone.</param>
    /// <param name="dtype">Float32 by default.</param>
    /// <exception cref="RecipesException">The config contradicts itself.</exception>
    public AutoencoderKL(VaeConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(AutoencoderKL))
    {
        config.Check();
        Config = config;
        var parts = new VaeParts(config, device, dtype);
        var latent = config.LatentChannels;
        encoder = new VaeEncoder(parts);
        decoder = new VaeDecoder(parts);
        quant_conv = config.UseQuantConv ? new Conv2d(2 * latent, 2 * latent, 1, device: device, dtype: dtype) : null;
        post_quant_conv = config.UsePostQuantConv ? new Conv2d(latent, latent, 1, device: device, dtype: dtype) : null;
        RegisterComponents();
    }

    /// <summary>The shape it was built with.</summary>
    public VaeConfig Config { get; }

    /// <summary>The type of its weights and its output.</summary>
    public ScalarType DType => encoder.Input.Weight.dtype;

    /// <summary>Where its weights lie.</summary>
    public Device Device => encoder.Input.Weight.device;

    /// <summary>The distribution of the latents of pictures; not scaled.</summary>
    /// <param name="images">
    /// [batch, 3, height, width] in [-1, 1]; the sides are multiples of <see cref="VaeConfig.Factor"/>.
    /// </param>
    public LatentDistribution Encode(Tensor images)
    {
        CheckShape(images, Config.InChannels, "pictures");
        using var scope = NewDisposeScope();
        var moments = encoder.forward(images.to_type(DType));
        moments = quant_conv is null ? moments : quant_conv.forward(moments);
        var halves = moments.chunk(2, 1);
        var (mean, logVar) = scope.MoveToOuter(halves[0].alias(), halves[1].clamp(-30, 20));
        return new LatentDistribution(mean, logVar);
    }

    /// <summary>Pictures, about [-1, 1], of latents that are not scaled.</summary>
    /// <param name="latents">[batch, latent channels, height, width].</param>
    public Tensor Decode(Tensor latents)
    {
        CheckShape(latents, Config.LatentChannels, "latents");
        using var scope = NewDisposeScope();
        var hidden = latents.to_type(DType);
        hidden = post_quant_conv is null ? hidden : post_quant_conv.forward(hidden);
        return decoder.forward(hidden).MoveToOuterDisposeScope();
    }

    /// <summary>Pictures through the most likely latents and back.</summary>
    public override Tensor forward(Tensor input)
    {
        using var latents = Encode(input);
        return Decode(latents.Mode);
    }

    private void CheckShape(Tensor input, long channels, string what)
    {
        if (input.dim() != 4 || input.shape[1] != channels)
        {
            throw new RecipesException(
                Config.Where,
                $"the {what} are [{string.Join(", ", input.shape)}], not [batch, {channels}, height, width]",
                "Give what this autoencoder was made for.");
        }
    }
}
