using Recipes.Core.Kernels;
using Recipes.Core.Native;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// The latents of a drawing at fixed places in memory, which evaluations of the network read and overwrite: what it is
/// given, the steps it takes, and where it has got to. Another drawing of the same shapes may be begun in it.
/// </summary>
internal sealed class LatentState : IDisposable
{
    // Tables of other lengths fit in, so that drawings of fewer or more steps share recordings.
    private const int RowsAtOnce = 256;

    private readonly SamplerMemory memory;
    private StepTable table;
    private int made;

    /// <param name="latents">Like those to come, [images, channels, height, width].</param>
    /// <param name="copies">How many times the network gets every image.</param>
    /// <param name="table">The steps.</param>
    /// <param name="type">The network's.</param>
    public LatentState(Tensor latents, int copies, StepTable table, ScalarType type)
    {
        memory = SamplerMemory.Of(latents, table.Slots, copies, Rows(table), table.Width, type);
        this.table = table;
    }

    /// <summary>What the network is given, each image once or twice, [batch, channels, height, width].</summary>
    public Tensor Input => memory.Input;

    /// <summary>What it is told, float32 [1].</summary>
    public Tensor Timestep => memory.Timestep;

    /// <summary>What the memory has fixed of the steps.</summary>
    public static string Kind(StepTable table) => $"{table.Slots} slots, {Rows(table)} steps";

    /// <summary>Begins a drawing, at the first of its steps.</summary>
    /// <param name="latents">As noisy as the first evaluation's.</param>
    /// <param name="steps">Of the kind that the memory is for.</param>
    public void Begin(Tensor latents, StepTable steps)
    {
        using var scope = NewDisposeScope();
        (table, made) = (steps, 0);
        var values = tensor([.. steps.Values.Select(value => (float)value)], [steps.Steps.Length, steps.Width]);
        memory.Table.narrow(0, 0, values.shape[0]).copy_(HostTensors.Send(values, memory.Table.device));
        memory.Slots.zero_();
        memory.Slots[0].copy_(latents);
        Tell(latents.mul(steps.Scale), steps.Timestep);
    }

    /// <summary>Gives the network what is scaled already, and makes the table's first step the next.</summary>
    public void Tell(Tensor input, double timestep)
    {
        using var scope = NewDisposeScope();
        memory.Input.reshape([memory.Copies, .. input.shape])
            .copy_(input.unsqueeze(0).expand(memory.Copies, -1, -1, -1, -1));
        memory.Timestep.fill_(timestep);
        memory.Row.zero_();
    }

    /// <summary>Draws the noise that the next step adds, where it adds any.</summary>
    /// <exception cref="ArgumentNullException">It does, and there is no source.</exception>
    public void Draw(NoiseSource? noise)
    {
        if (table.Steps[made++].Draws)
        {
            using var drawn = (noise ?? throw new ArgumentNullException(nameof(noise), "this sampler draws noise"))
                .Normal(memory.Fresh.shape, memory.Fresh.device, ScalarType.Float32);
            memory.Fresh.copy_(drawn);
        }
    }

    /// <summary>Takes the next step by the network's answer: operations of the device alone.</summary>
    /// <param name="answer">[batch, channels, height, width].</param>
    /// <param name="guidance">How its two halves become one.</param>
    public void Step(Tensor answer, Guidance guidance)
    {
        using var scope = NewDisposeScope();
        var rescaled = guidance is { IsOn: true, Rescale: > 0 };
        SamplerKernel.Step(
            memory, rescaled ? guidance.Apply(answer.to_type(ScalarType.Float32)) : answer, guidance.Scale);
    }

    /// <summary>The sample, float32; a tensor of its own.</summary>
    public Tensor Sample()
    {
        using var sample = memory.Slots[0];
        return sample.clone();
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();

    private static int Rows(StepTable table) =>
        (table.Steps.Length + RowsAtOnce - 1) / RowsAtOnce * RowsAtOnce;
}
