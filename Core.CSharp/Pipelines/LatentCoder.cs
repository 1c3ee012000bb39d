using Recipes.Core.Networks;
using Recipes.Core.Pipelines.Denoising;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>
/// Between pictures and the latents a UNet works on, one picture at a time: the autoencoder takes far more memory than
/// the UNet.
/// </summary>
internal static class LatentCoder
{
    /// <summary>Latents drawn from the distributions of pictures, scaled; float32 where the autoencoder lies.</summary>
    /// <param name="vae">The autoencoder.</param>
    /// <param name="pictures">[n, 3, height, width], -1 to 1; one for all rows of noise, or as many.</param>
    /// <param name="noise">Standard normal, in the latents' shape.</param>
    /// <param name="tiling">Whether it goes in tiles.</param>
    public static Tensor Encode(
        AutoencoderKL vae, Tensor pictures, Tensor noise, VaeTiling tiling = VaeTiling.Automatic)
    {
        using var scope = NewDisposeScope();
        var (means, logVars) = (new List<Tensor>(), new List<Tensor>());
        for (var i = 0; i < pictures.shape[0]; i++)
        {
            using var one = pictures.narrow(0, i, 1).to(vae.Device);
            var encoded = tiling.While(vae, one.shape[2], one.shape[3], () => vae.Encode(one));
            means.Add(encoded.Mean);
            logVars.Add(encoded.LogVar);
        }

        using var all = new LatentDistribution(
            cat(means, 0).expand(noise.shape), cat(logVars, 0).expand(noise.shape));
        return all.Sample(noise)
            .to_type(ScalarType.Float32)
            .sub(vae.Config.ShiftFactor)
            .mul_(vae.Config.ScalingFactor)
            .MoveToOuterDisposeScope();
    }

    /// <summary>Pictures of scaled latents, [n, 3, height, width], about -1 to 1, float32 on the CPU.</summary>
    /// <param name="vae">The autoencoder.</param>
    /// <param name="latents">[n, channels, height, width].</param>
    /// <param name="tiling">Whether it goes in tiles.</param>
    /// <param name="kept">What the UNet's drawing keeps for the next, its decoder too; null where nothing is kept.</param>
    public static Tensor Decode(
        AutoencoderKL vae, Tensor latents, VaeTiling tiling = VaeTiling.Automatic, KeptRecordings? kept = null)
    {
        using var scope = NewDisposeScope();
        var unscaled = latents.div(vae.Config.ScalingFactor).add_(vae.Config.ShiftFactor);
        var (height, width) = (latents.shape[2] * vae.Config.Factor, latents.shape[3] * vae.Config.Factor);
        var pictures = new List<Tensor>();
        kept?.Prepare(vae);
        for (var i = 0; i < latents.shape[0]; i++)
        {
            using var one = unscaled.narrow(0, i, 1);
            pictures.Add(tiling.While(
                vae, height, width, () => kept is null || vae.Tiling ? vae.Decode(one) : kept.Decode(vae, one)));
        }

        // All are enqueued before the first is waited for.
        return cat(pictures, 0).to(ScalarType.Float32, CPU, copy: true).MoveToOuterDisposeScope();
    }
}
