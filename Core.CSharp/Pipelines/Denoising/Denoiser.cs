using Recipes.Core.Kernels;
using Recipes.Core.Networks;
using Recipes.Core.Pipelines.Prompts;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// The UNet for a batch of images, led by texts that are encoded once, with all that a pipeline adds to its input. It
/// takes the sampler's steps too where it is given them, in the same recording.
/// </summary>
internal sealed class Denoiser : IDisposable
{
    private readonly UNet2DConditionModel unet;
    private readonly Guidance guidance;
    private readonly DrawingStart start;
    private readonly int count;
    private readonly string kind;
    private readonly object[] networks = [];
    private readonly bool keeps;
    private readonly KeptRecordings kept;
    private readonly int before;
    private readonly RecordedEvaluations evaluations;

    /// <param name="unet">The network.</param>
    /// <param name="guidance">How the two halves of the batch become one prediction.</param>
    /// <param name="texts">As many rows as the UNet's batch.</param>
    /// <param name="start">What the pipeline adds, and the latents to begin with.</param>
    /// <param name="count">Timesteps of the sampler.</param>
    /// <param name="steps">Those from the start on, where evaluations are to take them; null where they are not.</param>
    /// <param name="record">Whether to record the evaluation and replay it where that can be done.</param>
    public Denoiser(
        UNet2DConditionModel unet,
        Guidance guidance,
        EncodedPrompts texts,
        DrawingStart start,
        int count,
        StepTable? steps,
        bool record = true)
    {
        using var scope = NewDisposeScope();
        (this.unet, this.guidance, this.start, this.count) = (unet, guidance, start, count);
        var table = steps ?? StepTable.Answer;
        var states = texts.States.to_type(unet.DType);
        var told = (start.Conditions ?? new UNetConditions()) with { PooledText = texts.Pooled?.to_type(unet.DType) };
        var possible = record && RecordedEvaluations.CanRecord(count - start.First, unet.Device);
        var parts = start.Parts.SelectMany(part => part.Read).ToList();
        kind = $"{Kind(states, told)};{LatentState.Kind(table)}";
        if (possible && start.Parts.All(part => part.Networks is not null))
        {
            keeps = true;
            networks = KeptRecordings.Lie(start.Parts.SelectMany(part => part.Networks!).Prepend(unet));
        }

        if (keeps && unet.Recordings is KeptRecordings found && found.Fits(kind, networks))
        {
            unet.Recordings = null;
            found.Refill(states, told, parts);
            kept = found;
        }
        else
        {
            unet.ForgetRecordings();
            var latents = new LatentState(start.Latents, guidance.IsOn ? 2 : 1, table, unet.DType);
            kept = KeptRecordings.Of(kind, networks, states, told, parts, latents);
        }

        before = kept.Recordings.Count;
        kept.TakesSteps = TakesSteps = steps is not null;
        kept.Latents.Begin(start.Latents, table);
        evaluations = new RecordedEvaluations(Evaluate, possible, Ready, kept.Recordings);
    }

    /// <summary>Whether an evaluation takes the sampler's step: <see cref="Step"/> or <see cref="Predict"/> is for use.</summary>
    public bool TakesSteps { get; }

    /// <summary>The latents that the steps so far have led to, float32; a tensor of its own.</summary>
    public Tensor Latents => kept.Latents.Sample();

    /// <summary>The evaluation of an index, each in turn, and the step after it.</summary>
    /// <param name="index">Counted in the sampler's timesteps.</param>
    /// <param name="noise">Where samplers that add noise draw it.</param>
    public void Step(int index, NoiseSource? noise)
    {
        kept.Latents.Draw(noise);
        Run(index);
    }

    /// <summary>The prediction at an evaluation, float32 of the latents' shape; a tensor of its own.</summary>
    /// <param name="latents">As the sampler scales them.</param>
    /// <param name="index">Counted in the sampler's timesteps.</param>
    /// <param name="timestep">What the UNet is told.</param>
    public Tensor Predict(Tensor latents, int index, double timestep)
    {
        kept.Latents.Tell(latents, timestep);
        Run(index);
        return kept.Latents.Sample();
    }

    private void Run(int index) => evaluations.Run(
        index, string.Join(',', start.Parts.Select(part => part.Variant(index, start.First, count))));

    /// <summary>Whether a first evaluation can be recorded: the network did the like before, and all is kept.</summary>
    private bool Ready()
    {
        if (!ReadiedKinds.Has(unet, $"{networks.Length};{kind}"))
        {
            return false;
        }

        kept.Context.Keep(unet);
        return start.Parts.Aggregate(true, (all, part) => part.Keep(kept.Context) && all);
    }

    private void Evaluate(int index)
    {
        using var scope = NewDisposeScope();
        var latents = kept.Latents;
        var input = new DenoiserInput(
            latents.Input, latents.Timestep, kept.Context, kept.Conditions, index, start.First, count);
        foreach (var part in start.Parts)
        {
            input = part.Extend(input);
        }

        var answer = unet.forward(input.Sample, input.Timestep, input.Context, input.Conditions);
        latents.Step(answer, guidance);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        unet.DrawingPlainReason = evaluations.PlainReason;

        // A variant that an earlier drawing's recordings lack reads this drawing's memory, not theirs.
        if (keeps && evaluations.Complete && (before == 0 || before == kept.Recordings.Count || kept.ReadsNothing))
        {
            unet.Recordings = kept;
        }
        else
        {
            kept.Dispose();
        }
    }

    /// <summary>What recordings of this drawing have fixed, its steps aside.</summary>
    private string Kind(Tensor states, UNetConditions told)
    {
        Tensor?[] tensors = [start.Latents, states, told.PooledText, told.TimeIds, told.ClassLabels];
        var shapes = tensors.Select(tensor => tensor is null ? "none" : string.Join(',', tensor.shape));
        return string.Join(
            ';',
            [$"{guidance}", $"{Fused.Enabled}", .. shapes, .. start.Parts.Select(part => $"{part.GetType().Name} {part.Fixed}")]);
    }
}
