using Recipes.Core.Adapters;
using Recipes.Core.Kernels;
using Recipes.Core.Native;
using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using Recipes.Core.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>How far this program's kernels and recorded steps are from plain operations on the device at hand.</summary>
/// <param name="Reason">Why there is nothing to compare, as a sentence's end; null where there is.</param>
/// <param name="PlainOutput">
/// Plain bfloat16 operations against float32: ‖difference‖ / ‖float32‖ of the output.
/// </param>
/// <param name="FusedOutput">Fused kernels against float32.</param>
/// <param name="PlainGradient">The same of all weights' gradients.</param>
/// <param name="FusedGradient">The same of all weights' gradients.</param>
/// <param name="Curve">Greatest relative distance of the two loss curves over <see cref="Steps"/> steps.</param>
/// <param name="WeightChange">Distance of the trained adapters by the size of the training's change.</param>
public sealed record FusedComparison(
    string? Reason,
    double PlainOutput = 0,
    double FusedOutput = 0,
    double PlainGradient = 0,
    double FusedGradient = 0,
    double Curve = 0,
    double WeightChange = 0)
{
    /// <summary>Steps of the loss curves.</summary>
    public const int Steps = 50;

    /// <summary>By how much the fused error may exceed the plain one's.</summary>
    public const double Excess = 1.5;

    /// <summary>The band within which the loss curves must stay.</summary>
    public const double Band = 0.02;

    private const int Pictures = 2;
    private const int Tokens = 77;

    /// <summary>Whether the two agree within the tolerances above; true where there is nothing to compare.</summary>
    public bool Agrees =>
        Reason is not null
        || (FusedOutput <= Excess * PlainOutput && FusedGradient <= Excess * PlainGradient && Curve <= Band);

    /// <summary>Compares on a small UNet with random weights; takes some seconds.</summary>
    public static FusedComparison Run()
    {
        if (!Fused.Available || !CudaGraph.Available)
        {
            return new FusedComparison(Fused.Available ? CudaGraph.Reason : Fused.Reason);
        }

        using var scope = NewDisposeScope();
        var enabled = Fused.Enabled;
        try
        {
            var reference = Pass(ScalarType.Float32, fused: false);
            var plain = Pass(ScalarType.BFloat16, fused: false);
            var fused = Pass(ScalarType.BFloat16, fused: true);
            var (plainLosses, plainWeights) = Train(fused: false);
            var (fusedLosses, fusedWeights) = Train(fused: true);
            return new FusedComparison(
                null,
                Distance(plain.Output, reference.Output),
                Distance(fused.Output, reference.Output),
                Distance(plain.Gradient, reference.Gradient),
                Distance(fused.Gradient, reference.Gradient),
                plainLosses.Zip(fusedLosses, (a, b) => Math.Abs(a - b) / Math.Abs(a)).Max(),
                Distance(fusedWeights, plainWeights));
        }
        finally
        {
            Fused.Enabled = enabled;
        }
    }

    /// <summary>A UNet of Stable Diffusion's parts, an eighth of its width.</summary>
    private static UNet2DConditionModel Network(ScalarType type, bool fused)
    {
        var shape = new UNetConfig
        {
            SampleSize = 32,
            BlockOutChannels = [64, 128, 256, 256],
            CrossAttentionDim = 128,
            NormNumGroups = 16,
            AttentionHeads = [4],
        };
        cuda.manual_seed(1);
        var network = new UNet2DConditionModel(shape, CUDA);
        Fused.Enabled = fused;
        Measurement.Fill(network);
        network.to(type);
        FusedNetworks.Prepare(network);
        return network;
    }

    private static (Tensor Output, Tensor Gradient) Pass(ScalarType type, bool fused)
    {
        using var scope = NewDisposeScope();
        using var network = Network(type, fused);
        foreach (var parameter in network.parameters())
        {
            parameter.requires_grad = true;
        }

        var batch = new Batches(network.Config).Batch(0);
        var output = network.forward(batch.Latents, batch.Timesteps, batch.Context.to_type(type));
        CustomGradient.Backward(DiffusionLoss.Compute(output, batch.Noise).Total);
        var gradient = cat([.. network.parameters().Select(item => item.grad!.to_type(ScalarType.Float32).flatten())]);
        return scope.MoveToOuter(output.detach(), gradient);
    }

    /// <summary>Losses of a short training of adapters, and the adapters after it.</summary>
    private static (IReadOnlyList<double> Losses, Tensor Weights) Train(bool fused)
    {
        using var scope = NewDisposeScope();
        using var network = Network(ScalarType.BFloat16, fused);
        using var generator = new Generator(2, CPU);
        using var adapters = LoraSet.Attach(network, "unet", new LoraOptions { Rank = 8 }, generator);
        using var schedule = new NoiseSchedule(new SchedulerConfig());
        using var step = new DenoisingStep(
            network.forward,
            schedule,
            new Batches(network.Config),
            adapters.Parameters,
            new DenoisingStepOptions
            {
                Rate = new LearningRate { Rate = 1e-3, Steps = Steps, WarmUp = 5, Shape = RateShape.Cosine },
                Recorded = fused,
            });
        var losses = Enumerable.Range(0, Steps).Select(index => step.Run(index).Loss).ToList();
        var weights = cat([.. step.Optimiser.Masters.Select(master => master.detach().flatten())]);
        return (losses, weights.MoveToOuterDisposeScope());
    }

    /// <summary>‖value - reference‖ / ‖reference‖.</summary>
    internal static double Distance(Tensor value, Tensor reference)
    {
        using var scope = NewDisposeScope();
        var exact = reference.to_type(ScalarType.Float64);
        var apart = value.to_type(ScalarType.Float64).sub(exact).norm().item<double>();
        return apart / exact.norm().item<double>();
    }

    private sealed class Batches(UNetConfig shape) : IBatchSource
    {
        private readonly RandomStreams streams = new("comparison");

        public DenoisingBatch Batch(long number)
        {
            long[] size = [Pictures, shape.InChannels, shape.SampleSize, shape.SampleSize];
            using var fixedly = streams.Generator(RandomStreams.Init, 0);
            using var noise = streams.Generator(RandomStreams.Noise, number);
            using var times = streams.Generator(RandomStreams.Order, number);
            return new DenoisingBatch(
                randn(size, generator: fixedly).cuda(),
                randn(size, generator: noise).cuda(),
                randint(0, 1000, Pictures, dtype: ScalarType.Int64, generator: times).cuda(),
                randn([Pictures, Tokens, shape.CrossAttentionDim], generator: fixedly)
                    .to(ScalarType.BFloat16, CUDA));
        }
    }
}
