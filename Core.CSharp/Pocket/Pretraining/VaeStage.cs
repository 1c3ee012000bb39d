using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket.Pretraining;

/// <summary>
/// Trains the autoencoder: absolute and squared error, error of the gradients (edges), error of 4x4 means
/// (colour), and a slight pull of the latents towards a unit normal (KL, weight 1e-5).
/// </summary>
public static class VaeStage
{
    private const double KlWeight = 1e-5;

    /// <summary>Trains <paramref name="vae"/>.</summary>
    /// <param name="vae">The autoencoder, its weights filled.</param>
    /// <param name="scenes">Draws [batch, 3, height, width] float32 pictures in [-1, 1] for a step.</param>
    /// <param name="options">The budget.</param>
    /// <param name="progress">Told of the loss.</param>
    /// <param name="cancellation">Stops after the running step.</param>
    public static StageResult Run(
        AutoencoderKL vae,
        Func<long, Tensor> scenes,
        StageOptions options,
        IProgress<StageProgress> progress,
        CancellationToken cancellation)
    {
        using var trainee = new Trainee(vae, options);
        var dtype = trainee.ComputeType;
        var done = Stage.Run(
            "vae",
            options,
            trainee,
            step =>
            {
                var image = scenes(step);
                var latents = vae.Encode(image.to(dtype));
                var mean = latents.Mean;
                var logVariance = latents.LogVar;
                var sampled = mean + ((logVariance * 0.5).exp() * randn_like(mean));
                var rebuilt = vae.Decode(sampled).to(ScalarType.Float32);
                return Reconstruction(rebuilt, image) + (KlWeight * Kl(mean, logVariance));
            },
            progress,
            cancellation);
        return new StageResult(trainee.Average(), done);
    }

    /// <summary>Peak signal-to-noise ratio in dB of each picture's reconstruction, for values in [-1, 1].</summary>
    public static Tensor Psnr(AutoencoderKL vae, Tensor image)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var dtype = vae.parameters().First().dtype;
        var rebuilt = vae.Decode(vae.Encode(image.to(dtype)).Mean).to(ScalarType.Float32).clamp(-1, 1);
        var error = ((rebuilt - image) / 2).square().mean([1, 2, 3]);
        return (error.log10() * -10).MoveToOuterDisposeScope();
    }

    private static Tensor Reconstruction(Tensor rebuilt, Tensor image)
    {
        var error = rebuilt - image;
        var across = error.narrow(3, 1, error.shape[3] - 1) - error.narrow(3, 0, error.shape[3] - 1);
        var down = error.narrow(2, 1, error.shape[2] - 1) - error.narrow(2, 0, error.shape[2] - 1);
        var edges = across.abs().mean() + down.abs().mean();
        var colour = nn.functional.avg_pool2d(error, 4).abs().mean();
        return error.abs().mean() + (4 * error.square().mean()) + edges + colour;
    }

    private static Tensor Kl(Tensor mean, Tensor logVariance)
    {
        var (m, v) = (mean.to(ScalarType.Float32), logVariance.to(ScalarType.Float32));
        return (m.square() + v.exp() - 1 - v).mean() * 0.5;
    }
}
