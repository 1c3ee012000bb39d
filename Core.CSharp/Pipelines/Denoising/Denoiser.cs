using System.Runtime.CompilerServices;
using Recipes.Core.Networks;
using Recipes.Core.Pipelines.Prompts;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// The UNet for a batch of images, led by texts that are encoded once, with all that a pipeline adds to its input.
/// </summary>
internal sealed class Denoiser : IDisposable
{
    /// <summary>The shapes at which a network ran before, so that libraries have chosen their kernels.</summary>
    private static readonly ConditionalWeakTable<UNet2DConditionModel, HashSet<string>> Seen = [];

    private readonly UNet2DConditionModel unet;
    private readonly Guidance guidance;
    private readonly DrawingStart start;
    private readonly TextContext context;
    private readonly UNetConditions conditions;
    private readonly Tensor timesteps;
    private readonly int count;
    private readonly RecordedUNet recorded;

    /// <param name="unet">The network.</param>
    /// <param name="guidance">How the two halves of the batch become one prediction.</param>
    /// <param name="texts">As many rows as the UNet's batch.</param>
    /// <param name="start">What the pipeline adds.</param>
    /// <param name="timesteps">Those of all evaluations.</param>
    /// <param name="record">Whether to record the evaluation and replay it where that can be done.</param>
    public Denoiser(
        UNet2DConditionModel unet,
        Guidance guidance,
        EncodedPrompts texts,
        DrawingStart start,
        IReadOnlyList<double> timesteps,
        bool record = true)
    {
        using var scope = NewDisposeScope();
        this.unet = unet;
        this.guidance = guidance;
        this.start = start;
        count = timesteps.Count;
        context = new TextContext(texts.States.to_type(unet.DType).DetachFromDisposeScope(), reused: true);
        conditions = (start.Conditions ?? new UNetConditions()) with
        {
            PooledText = texts.Pooled?.to_type(unet.DType).DetachFromDisposeScope(),
        };

        // All at once: a timestep sent to the device at each evaluation would hold the host up.
        this.timesteps = tensor(timesteps.Select(time => (float)time).ToArray(), device: unet.Device)
            .DetachFromDisposeScope();
        recorded = new RecordedUNet(Evaluate, record ? count - start.First : 0, Ready);
    }

    /// <summary>The prediction for latents at an evaluation, float32 of the latents' shape.</summary>
    public Tensor Predict(Tensor latents, int index)
    {
        using var timestep = timesteps.narrow(0, index, 1);
        var variant = string.Join(',', start.Parts.Select(part => part.Variant(index, start.First, count)));
        return recorded.Run(latents, timestep, index, variant);
    }

    /// <summary>Whether a first evaluation can be recorded: the network ran at this shape, and all is kept.</summary>
    private bool Ready(Tensor latents)
    {
        var shapes = Seen.GetOrCreateValue(unet);
        if (shapes.Add($"{guidance.IsOn} {start.Parts.Count} {string.Join(',', latents.shape)}"))
        {
            return false;
        }

        context.Keep(unet);
        return start.Parts.Aggregate(true, (kept, part) => part.Keep(context) && kept);
    }

    private Tensor Evaluate(Tensor latents, Tensor timestep, int index)
    {
        using var scope = NewDisposeScope();
        var input = new DenoiserInput(
            guidance.IsOn ? cat([latents, latents], 0) : latents,
            timestep,
            context,
            conditions,
            index,
            start.First,
            count);
        foreach (var part in start.Parts)
        {
            input = part.Extend(input);
        }

        var output = unet.forward(input.Sample, input.Timestep, input.Context, input.Conditions)
            .to_type(ScalarType.Float32);
        return (guidance.IsOn ? guidance.Apply(output) : output).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        recorded.Dispose();
        context.States.Dispose();
        context.Dispose();
        conditions.PooledText?.Dispose();
        timesteps.Dispose();
    }
}
