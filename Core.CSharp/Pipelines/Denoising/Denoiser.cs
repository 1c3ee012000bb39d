using System.Runtime.CompilerServices;
using Recipes.Core.Kernels;
using Recipes.Core.Networks;
using Recipes.Core.Pipelines.Prompts;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// The UNet for a batch of images, led by texts that are encoded once, with all that a pipeline adds to its input.
/// </summary>
internal sealed class Denoiser : IDisposable
{
    /// <summary>
    /// What a network computed before, and on which thread, so that libraries have chosen their kernels: cuDNN tries them
    /// out, which no recording bears, and remembers its choice for the thread.
    /// </summary>
    private static readonly ConditionalWeakTable<UNet2DConditionModel, HashSet<string>> Seen = [];

    private readonly UNet2DConditionModel unet;
    private readonly Guidance guidance;
    private readonly DrawingStart start;
    private readonly TextContext context;
    private readonly UNetConditions conditions;
    private readonly Tensor timesteps;
    private readonly int count;
    private readonly RecordedUNet recorded;
    private readonly Dictionary<string, UNetRecording?> recordings = [];
    private readonly Tensor[] read;
    private readonly int kept;
    private readonly RecordedDecoder decoder = new();
    private readonly string like;
    private readonly bool keeps;
    private readonly object[] networks = [];

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
        var states = texts.States.to_type(unet.DType);
        var told = (start.Conditions ?? new UNetConditions()) with { PooledText = texts.Pooled?.to_type(unet.DType) };
        var evaluations = record ? count - start.First : 0;
        var parts = start.Parts.SelectMany(part => part.Read).ToList();
        like = Kind(states, told);
        if (RecordedUNet.CanRecord(evaluations) && start.Parts.All(part => part.Networks is not null))
        {
            keeps = true;
            networks = KeptRecordings.Lie(start.Parts.SelectMany(part => part.Networks!).Prepend(unet));
        }

        if (keeps && unet.Recordings is KeptRecordings found && found.Fits(like, networks))
        {
            unet.Recordings = null;
            found.Refill(states, told, parts);
            decoder = found.Decoder;
            (context, conditions, read, recordings) = (found.Context, found.Conditions, found.Read, found.Recordings);
        }
        else
        {
            unet.ForgetRecordings();
            context = new TextContext(Own(states), reused: true);
            conditions = told with
            {
                PooledText = told.PooledText is { } pooled ? Own(pooled) : null,
                TimeIds = told.TimeIds is { } ids ? Own(ids) : null,
                ClassLabels = told.ClassLabels is { } labels ? Own(labels) : null,
            };
            read = [.. parts.Select(tensor => tensor.alias().DetachFromDisposeScope())];
        }

        kept = recordings.Count;

        // All at once: a timestep sent to the device at each evaluation would hold the host up.
        this.timesteps = tensor(timesteps.Select(time => (float)time).ToArray(), device: unet.Device)
            .DetachFromDisposeScope();
        recorded = new RecordedUNet(Evaluate, evaluations, Ready, recordings);
    }

    /// <summary>The prediction for latents at an evaluation, float32 of the latents' shape.</summary>
    public Tensor Predict(Tensor latents, int index)
    {
        using var timestep = timesteps.narrow(0, index, 1);
        var variant = string.Join(',', start.Parts.Select(part => part.Variant(index, start.First, count)));
        return recorded.Run(latents, timestep, index, variant);
    }

    /// <summary>Whether a first evaluation can be recorded: the network did the like before, and all is kept.</summary>
    private bool Ready(Tensor latents)
    {
        var seen = Seen.GetOrCreateValue(unet);
        if (seen.Add($"{Environment.CurrentManagedThreadId};{networks.Length};{like}"))
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
        timesteps.Dispose();
        unet.DrawingPlainReason = recorded.PlainReason;
        var all = new KeptRecordings(like, networks, context, conditions, read, recordings, decoder);

        // A variant that an earlier drawing's recordings lack reads this drawing's memory, not theirs.
        if (keeps && recorded.Complete && (kept == 0 || kept == recorded.Count || read.Length == 0))
        {
            unet.Recordings = all;
        }
        else
        {
            all.Dispose();
        }
    }

    /// <summary>A copy that outlives scopes.</summary>
    private static Tensor Own(Tensor tensor) => tensor.clone().DetachFromDisposeScope();

    /// <summary>What recordings of this drawing have fixed.</summary>
    private string Kind(Tensor states, UNetConditions told)
    {
        Tensor?[] tensors = [start.Latents, states, told.PooledText, told.TimeIds, told.ClassLabels];
        var shapes = tensors.Select(tensor => tensor is null ? "none" : string.Join(',', tensor.shape));
        return string.Join(
            ';',
            [$"{guidance}", $"{Fused.Enabled}", .. shapes, .. start.Parts.Select(part => $"{part.GetType().Name} {part.Fixed}")]);
    }
}
