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

    /// <summary>
    /// Whether larger images than <see cref="VaeConfig.SampleSize"/> are mapped in overlapping tiles of that size, so
    /// that memory does not grow with them. Each tile is normalised by itself, so the result differs a little.
    /// </summary>
    public bool Tiling { get; set; }

    /// <summary>Whether the images of a batch are mapped one at a time, which takes less memory.</summary>
    public bool Slicing { get; set; }

    /// <summary>The distribution of the latents of pictures; not scaled.</summary>
    /// <param name="images">
    /// [batch, 3, height, width] in [-1, 1]; the sides are multiples of <see cref="VaeConfig.Factor"/>.
    /// </param>
    public LatentDistribution Encode(Tensor images)
    {
        CheckShape(images, Config.InChannels, "pictures");
        using var scope = NewDisposeScope();
        var moments = Sliced(images.to_type(DType), image => Tiled(image, Config.Factor, 1, Moments));
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
        return Sliced(latents.to_type(DType), one => Tiled(one, 1, Config.Factor, Pixels)).MoveToOuterDisposeScope();
    }

    /// <summary>Pictures through the most likely latents and back.</summary>
    public override Tensor forward(Tensor input)
    {
        using var latents = Encode(input);
        return Decode(latents.Mode);
    }

    /// <summary>Means and log-variances of one piece, one after the other in the channels.</summary>
    private Tensor Moments(Tensor images)
    {
        using var scope = NewDisposeScope();
        var moments = encoder.forward(images);
        return (quant_conv is null ? moments : quant_conv.forward(moments)).MoveToOuterDisposeScope();
    }

    private Tensor Pixels(Tensor latents)
    {
        using var scope = NewDisposeScope();
        var hidden = post_quant_conv is null ? latents : post_quant_conv.forward(latents);
        return decoder.forward(hidden).MoveToOuterDisposeScope();
    }

    private Tensor Sliced(Tensor input, Func<Tensor, Tensor> map)
    {
        if (!Slicing || input.shape[0] <= 1)
        {
            return map(input);
        }

        using var scope = NewDisposeScope();
        return cat([.. input.split(1).Select(map)], 0).MoveToOuterDisposeScope();
    }

    private Tensor Tiled(Tensor input, long inScale, long outScale, Func<Tensor, Tensor> map)
    {
        var tile = Math.Max(1, Config.SampleSize / Config.Factor);
        var shape = input.shape;
        return Tiling && Math.Max(shape[2], shape[3]) > tile * inScale
            ? VaeTiles.Map(input, tile, inScale, outScale, map)
            : map(input);
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
