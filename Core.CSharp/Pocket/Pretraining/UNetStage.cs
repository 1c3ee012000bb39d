using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket.Pretraining;

/// <summary>
/// Trains the denoising network on latents that lie on the device, with the min-SNR weight
/// (Hang et al. 2023, equation 5 and its velocity form) and captions left out now and then for guidance.
/// </summary>
public static class UNetStage
{
    private const double SnrGamma = 5;
    private const double CaptionDropout = 0.1;

    /// <summary>Trains <paramref name="unet"/>.</summary>
    /// <param name="unet">The network, its weights filled.</param>
    /// <param name="text">The frozen text encoder.</param>
    /// <param name="schedule">Noise levels and prediction type.</param>
    /// <param name="latents">Scaled latents [scenes, channels, height, width], on the device.</param>
    /// <param name="ids">Token ids [scenes, length], on the device.</param>
    /// <param name="emptyIds">Token ids of the empty caption, [length].</param>
    /// <param name="options">The budget.</param>
    /// <param name="progress">Told of the loss.</param>
    /// <param name="cancellation">Stops after the running step.</param>
    public static StageResult Run(
        UNet2DConditionModel unet,
        ClipTextModel text,
        NoiseSchedule schedule,
        Tensor latents,
        Tensor ids,
        Tensor emptyIds,
        StageOptions options,
        IProgress<StageProgress> progress,
        CancellationToken cancellation)
    {
        using var trainee = new Trainee(unet, options);
        var dtype = trainee.ComputeType;
        var device = latents.device;
        using var alphas = schedule.AlphasCumprod.to(device).to(ScalarType.Float32);
        using var weights = Weights(alphas, schedule);
        var done = Stage.Run(
            "unet",
            options,
            trainee,
            _ =>
            {
                Tensor clean, noise, noisy, t, context;
                using (no_grad())
                {
                    var pick = randint(0, latents.shape[0], [options.Batch], device: device);
                    clean = latents[pick].to(ScalarType.Float32);
                    var drop = rand([options.Batch, 1], device: device).lt(CaptionDropout);
                    var caption = where(drop, emptyIds.unsqueeze(0), ids[pick].to(ScalarType.Int64));
                    context = text.forward(caption).LastHiddenState;
                    t = randint(0, alphas.shape[0], [options.Batch], device: device);
                    noise = randn_like(clean);
                    noisy = schedule.AddNoise(clean, noise, t);
                }

                var predicted = unet.forward(noisy.to(dtype), t, context.to(dtype)).to(ScalarType.Float32);
                var error = (predicted - schedule.Target(clean, noise, t)).square().mean([1, 2, 3]);
                return (error * weights[t]).mean();
            },
            progress,
            cancellation);
        return new StageResult(trainee.Average(), done);
    }

    private static Tensor Weights(Tensor alphas, NoiseSchedule schedule)
    {
        using var scope = NewDisposeScope();
        var snr = alphas / (1 - alphas);
        var least = snr.clamp(max: SnrGamma);
        var weights = schedule.Config.PredictionType switch
        {
            PredictionType.Epsilon => least / snr,
            PredictionType.Velocity => least / (snr + 1),
            PredictionType.Sample => least,
            _ => throw new ArgumentOutOfRangeException(nameof(schedule), schedule.Config.PredictionType, null),
        };
        return weights.MoveToOuterDisposeScope();
    }
}
