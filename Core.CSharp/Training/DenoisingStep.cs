using Recipes.Core.Native;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The step of every method that trains a denoiser: noise the latents, predict, compare, and follow the clipped
/// gradient. Where it can be, the step is recorded and replayed, and the host waits for the device only when figures are
/// read; the results are the same up to rounding.
/// </summary>
public sealed class DenoisingStep : ITrainingStep
{
    private readonly DenoisingPass pass;
    private readonly IBatchSource batches;
    private readonly DenoisingStepOptions options;
    private readonly IOptimiser optimiser;
    private readonly List<StepResult> finished = [];
    private RecordedStep? recorded;

    /// <param name="network">Noisy latents, timesteps and context to a prediction.</param>
    /// <param name="schedule">The noise of the network's training, and what it predicts.</param>
    /// <param name="batches">The data.</param>
    /// <param name="parameters">What is trained; everything else must not require gradients.</param>
    /// <param name="options">Rate, loss, clipping.</param>
    /// <exception cref="RecipesException">Settings that cannot train.</exception>
    public DenoisingStep(
        Func<Tensor, Tensor, Tensor, Tensor> network,
        NoiseSchedule schedule,
        IBatchSource batches,
        IReadOnlyList<NamedParameter> parameters,
        DenoisingStepOptions options)
        : this(
            (noisy, batch) => network(noisy, batch.Timesteps, batch.Context), schedule, batches, parameters, options)
    {
    }

    /// <param name="network">Noisy latents and all of their batch to a prediction.</param>
    /// <param name="schedule">The noise of the network's training, and what it predicts.</param>
    /// <param name="batches">The data.</param>
    /// <param name="parameters">What is trained; everything else must not require gradients.</param>
    /// <param name="options">Rate, loss, clipping.</param>
    /// <exception cref="RecipesException">Settings that cannot train.</exception>
    public DenoisingStep(
        Func<Tensor, DenoisingBatch, Tensor> network,
        NoiseSchedule schedule,
        IBatchSource batches,
        IReadOnlyList<NamedParameter> parameters,
        DenoisingStepOptions options)
    {
        options.Check();
        this.batches = batches;
        this.options = options;
        pass = new DenoisingPass(network, schedule, options);
        optimiser = options.Optimiser.Create(parameters);
        PlainReason = options.Recorded ? RecordedStep.Obstacle(optimiser) : "it is switched off";
        recorded = PlainReason is null ? new RecordedStep(pass, batches, options, (IRecordedOptimiser)optimiser) : null;
    }

    /// <summary>Why the step is not recorded, as a sentence's end; null while it is.</summary>
    public string? PlainReason { get; private set; }

    /// <summary>The optimiser, whose masters are the trained weights in float32.</summary>
    public IOptimiser Optimiser => optimiser;

    /// <inheritdoc/>
    public bool RunsAhead => recorded is not null;

    /// <inheritdoc/>
    public void Start(long step)
    {
        if (recorded is { IsFull: true })
        {
            Collect();
        }

        if (!Replay(step))
        {
            finished.Add(Result(step, RunPlain(step), optimiser.Figures));
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<StepResult> Read()
    {
        Collect();
        StepResult[] read = [.. finished];
        finished.Clear();
        return read;
    }

    /// <summary>Starts a step and reads its figures.</summary>
    /// <param name="step">Counted from 0.</param>
    public StepResult Run(long step)
    {
        Start(step);
        return Read()[^1];
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, Tensor>> SaveState() => optimiser.Save();

    /// <inheritdoc/>
    public void RestoreState(Func<string, Tensor> read)
    {
        recorded?.Reset();
        optimiser.Restore(read);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        recorded?.Dispose();
        optimiser.Dispose();
    }

    /// <summary>Takes over the figures of recorded steps.</summary>
    private void Collect()
    {
        foreach (var (step, figures) in recorded?.Read() ?? [])
        {
            finished.Add(Result(step, figures, recorded!.Further(figures)));
        }
    }

    private StepResult Result(long step, float[] figures, IReadOnlyDictionary<string, double> further)
    {
        var prior = options.Loss.PriorWeight is not null;
        return new StepResult(
            figures[0], figures[1], prior ? figures[2] : null, figures[3], options.Rate.At(step))
        {
            Further = further,
        };
    }

    /// <summary>Starts the recorded step; false where it is not, or no longer, recorded.</summary>
    private bool Replay(long step)
    {
        if (recorded is null)
        {
            return false;
        }

        try
        {
            if (recorded.Start(step))
            {
                return true;
            }

            PlainReason = "the text encoder is trained with it";
        }
        catch (Exception e) when (CudaGraph.Refuses(e) && !OutOfMemory.Is(e))
        {
            // A libtorch or a network that cannot be recorded; the state is as before the step.
            PlainReason = e.Message.Split('\n')[0];
        }

        Collect();
        recorded.Dispose();
        recorded = null;
        return false;
    }

    private float[] RunPlain(long step)
    {
        using var scope = NewDisposeScope();
        var sum = zeros(3, dtype: ScalarType.Float32, device: optimiser.Masters[0].device);
        for (var index = 0; index < options.Accumulation; index++)
        {
            using var inner = NewDisposeScope();
            using var gradients = enable_grad();
            var number = (step * options.Accumulation) + index;
            pass.Run(batches.Batch(number), sum);
        }

        var norm = GradientClipping.ClipByNorm(optimiser.Gradients, options.ClipNorm ?? double.PositiveInfinity);
        (optimiser as IRecordedOptimiser)?.Begin(step);
        optimiser.Step(options.Rate.At(step));
        optimiser.ZeroGrad();
        return [.. cat([sum.div_(options.Accumulation), norm.reshape(1)]).cpu().data<float>()];
    }
}
