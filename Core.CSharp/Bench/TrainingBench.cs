using System.Diagnostics;
using Recipes.Core.Adapters;
using Recipes.Core.Kernels;
using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using Recipes.Core.Training;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>Times training steps of a UNet with random weights and data.</summary>
public static class TrainingBench
{
    private const int Tokens = 77;

    /// <summary>Adapters on the attentions: noise, timesteps, forward, backward, clipping, AdamW.</summary>
    public static BenchRow Lora(UNetConfig shape, BenchOptions options)
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        using var unet = new UNet2DConditionModel(shape, Measurement.Device, Measurement.Type);
        Measurement.Fill(unet);
        using var generator = new Generator(0, CPU);
        using var adapters = LoraSet.Attach(unet, "unet", new LoraOptions { Rank = options.Rank }, generator);
        FusedNetworks.Prepare(unet);
        return Steps("lora", unet, adapters.Parameters, adapters.Adapters, options.Batch, null, options, clock);
    }

    /// <summary>All weights, with as many class pictures as instances and float32 masters.</summary>
    public static BenchRow DreamBooth(UNetConfig shape, BenchOptions options)
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        using var unet = new UNet2DConditionModel(shape, Measurement.Device, Measurement.Type);
        Measurement.Fill(unet);
        var parameters = new List<NamedParameter>();
        foreach (var (name, parameter) in unet.named_parameters())
        {
            parameter.requires_grad = true;
            parameters.Add(new NamedParameter(name, parameter));
        }

        return Steps("dreambooth", unet, parameters, null, 2 * options.Batch, 1, options, clock);
    }

    private static BenchRow Steps(
        string job,
        UNet2DConditionModel unet,
        IReadOnlyList<NamedParameter> parameters,
        IReadOnlyList<LoraAdapter>? adapters,
        int pictures,
        double? priorWeight,
        BenchOptions options,
        Stopwatch clock)
    {
        using var schedule = new NoiseSchedule(new SchedulerConfig());
        var batches = new RandomBatches(unet.Config, pictures, schedule.Count);
        var conditions = Measurement.Conditions(unet.Config, pictures);
        unet.GradientCheckpointing = options.Checkpointing;
        using var step = new DenoisingStep(
            (noisy, batch) =>
            {
                using var text = new TextContext(batch.Context);
                return unet.forward(noisy, batch.Timesteps, text, conditions);
            },
            schedule,
            batches,
            parameters,
            new DenoisingStepOptions
            {
                Rate = new LearningRate { Rate = 1e-5, Steps = 10_000 },
                Loss = new DiffusionLossOptions { PriorWeight = priorWeight },
                Optimiser = new AdamWOptions { Moments = options.Moments },
                Recorded = options.Recorded,
            });
        return Measurement.Run(
            job,
            options,
            JobCost.Training(unet, adapters, pictures, options),
            clock,
            step.Start,
            number =>
            {
                var result = step.Read()[^1];
                if (!double.IsFinite(result.Loss))
                {
                    throw new InvalidOperationException($"the loss of step {number} is {result.Loss}");
                }
            },
            () => step.PlainReason is null);
    }

    /// <summary>Latents and texts on the device; noise and times drawn by each pass, as a training does.</summary>
    private sealed class RandomBatches(UNetConfig shape, int count, int timesteps) : IBatchSource
    {
        private readonly RandomStreams streams = new("bench");
        private readonly Tensor latents = randn(
            [count, shape.InChannels, shape.SampleSize, shape.SampleSize], device: Measurement.Device);

        private readonly Tensor context = randn(
            [count, Tokens, shape.CrossAttentionDim], dtype: Measurement.Type, device: Measurement.Device);

        public DenoisingBatch Batch(long number)
        {
            var pending = new PendingNoise(null, new NoiseOptions(), timesteps, null);
            return new DenoisingBatch(latents.alias(), context.alias(), pending)
            {
                Key = BatchDraws.Key(streams, number, Measurement.Device),
            };
        }
    }
}
