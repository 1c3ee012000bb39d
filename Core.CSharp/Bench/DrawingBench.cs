using System.Diagnostics;
using Recipes.Core.Networks;
using Recipes.Core.Pipelines;
using Recipes.Core.Pipelines.Denoising;
using Recipes.Core.Pipelines.Prompts;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>Times drawing pictures with random weights: DDIM with guidance, decoding included.</summary>
public static class DrawingBench
{
    private const int Tokens = 77;
    private const double Scale = 7.5;

    /// <summary>From texts that are encoded already to pixels.</summary>
    public static BenchRow TextToImage(UNetConfig shape, VaeConfig vaeShape, BenchOptions options) =>
        Draw("txt2img", shape, vaeShape, null, options);

    /// <summary>The same, led by a ControlNet at every step.</summary>
    public static BenchRow ControlNet(UNetConfig shape, VaeConfig vaeShape, BenchOptions options) =>
        Draw("controlnet", shape, vaeShape, new ControlNetConfig { Encoder = shape }, options);

    private static BenchRow Draw(
        string job, UNetConfig shape, VaeConfig vaeShape, ControlNetConfig? control, BenchOptions options)
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        using var unet = new UNet2DConditionModel(shape, Measurement.Device, Measurement.Type);
        using var vae = new AutoencoderKL(vaeShape, Measurement.Device, Measurement.Type);
        using var network = control is null
            ? null
            : new ControlNetModel(control, Measurement.Device, Measurement.Type);
        foreach (var part in (nn.Module?[])[unet, vae, network])
        {
            if (part is not null)
            {
                Measurement.Fill(part);
            }
        }

        var side = shape.SampleSize * vaeShape.Factor;
        var hint = network?.Embed(rand([1, 3, side, side], dtype: Measurement.Type, device: Measurement.Device));
        var sampler = new DdimSampler(new SchedulerConfig { ClipSample = false, StepsOffset = 1 });
        var states = randn(
            [2 * options.Batch, Tokens, shape.CrossAttentionDim], dtype: Measurement.Type, device: Measurement.Device);
        var conditions = Measurement.Conditions(shape, 2 * options.Batch);
        return Measurement.Run(
            job,
            options,
            JobCost.Drawing(unet, vae, network, options),
            clock,
            One,
            _ => { },
            () => options.Recorded && Native.CudaGraph.Available);

        void One(long number)
        {
            using var inner = NewDisposeScope();
            using var sampling = sampler.Begin(options.Steps);
            var latents = randn(
                [options.Batch, shape.InChannels, shape.SampleSize, shape.SampleSize], device: Measurement.Device);
            var start = new DrawingStart
            {
                Latents = latents,
                Conditions = conditions,
                Parts = network is null ? [] : [new Residuals(network, hint!)],
            };
            var recorded = options.Recorded && RecordedEvaluations.CanRecord(options.Steps, unet.Device);
            using (var denoiser = new Denoiser(
                unet,
                new Guidance(Scale, 0),
                new EncodedPrompts(states, conditions?.PooledText?.clone()),
                start,
                sampling.Timesteps.Count,
                recorded ? DenoisingLoop.Steps(sampling, start, watched: false) : null,
                recorded))
            {
                latents = DenoisingLoop.Run(denoiser, start, sampling, null, null, (_, _) => { }, default);
            }

            LatentCoder.Decode(vae, latents, kept: unet.Recordings as KeptRecordings);
        }
    }

    /// <summary>The ControlNet's part in every evaluation.</summary>
    private sealed class Residuals(ControlNetModel network, Tensor hint) : IDenoiserPart
    {
        public bool Keep(TextContext context)
        {
            context.Keep(network);
            return true;
        }

        public IReadOnlyList<nn.Module> Networks => [network];

        public IReadOnlyList<Tensor> Read => [hint];

        public DenoiserInput Extend(DenoiserInput input)
        {
            var found = network.FromHint(
                input.Sample, input.Timestep, input.Context, hint, input.Conditions);
            return input with
            {
                Conditions = input.Conditions with { DownResiduals = found.Down, MidResidual = found.Mid },
            };
        }
    }
}
