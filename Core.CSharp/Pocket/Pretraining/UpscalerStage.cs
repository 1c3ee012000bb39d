using Recipes.Core.Networks;
using Recipes.Core.Pipelines;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket.Pretraining;

/// <summary>
/// Trains an upscaler: latents are denoised beside the small picture, itself made noisy by a level that the network is
/// told (noise conditioning augmentation, Ho et al. 2022, "Cascaded Diffusion Models", section 4), with captions left
/// out now and then. The loss is the plain error of the prediction: a low signal-to-noise ratio, which min-SNR makes
/// light of, is where an upscaler decides what the picture is.
/// </summary>
public static class UpscalerStage
{
    private const double CaptionDropout = 0.1;

    /// <summary>Trains <paramref name="unet"/>.</summary>
    /// <param name="unet">The network, its weights filled; it takes noisy latents and small pictures.</param>
    /// <param name="text">The frozen text encoder.</param>
    /// <param name="noise">The noises of latents and small pictures.</param>
    /// <param name="data">The scenes.</param>
    /// <param name="options">The budget.</param>
    /// <param name="progress">Told of the loss.</param>
    /// <param name="cancellation">Stops after the running step.</param>
    public static StageResult Run(
        UNet2DConditionModel unet,
        ClipTextModel text,
        UpscalerNoise noise,
        UpscalerData data,
        StageOptions options,
        IProgress<StageProgress> progress,
        CancellationToken cancellation)
    {
        using var trainee = new Trainee(unet, options);
        var dtype = trainee.ComputeType;
        var device = data.Latents.device;
        var done = Stage.Run(
            "upscaler",
            options,
            trainee,
            _ =>
            {
                Tensor input, target, t, level, context;
                using (no_grad())
                {
                    var pick = randint(0, data.Latents.shape[0], [options.Batch], device: device);
                    var clean = data.Latents[pick].to(ScalarType.Float32);
                    var large = data.Pictures(pick);
                    var small = SmallPictures.Of(large, (int)(large.shape[3] / clean.shape[3]));
                    var drop = rand([options.Batch, 1], device: device).lt(CaptionDropout);
                    var caption = where(drop, data.EmptyIds.unsqueeze(0), data.Ids[pick].to(ScalarType.Int64));
                    context = text.forward(caption).LastHiddenState;
                    level = noise.DrawLevels(options.Batch, device);
                    small = noise.Small.AddNoise(small, randn_like(small), level);
                    t = randint(0, noise.Latents.Count, [options.Batch], device: device);
                    var drawn = randn_like(clean);
                    input = cat([noise.Latents.AddNoise(clean, drawn, t), small], 1);
                    target = noise.Latents.Target(clean, drawn, t);
                }

                using var states = new TextContext(context.to(dtype));
                var predicted = unet.forward(
                    input.to(dtype), t, states, new UNetConditions { ClassLabels = level });
                return nn.functional.mse_loss(predicted.to(ScalarType.Float32), target);
            },
            progress,
            cancellation);
        return new StageResult(trainee.Average(), done);
    }
}
