using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The same step as <see cref="DenoisingStep"/>, recorded once for each shape of batch and then replayed: all passes,
/// noise and diffusion times, forward and backward, clipping, rate and optimiser. The host copies the next batch in, starts
/// the replay and prepares the batch after that meanwhile; it waits for the device only to read figures, which may be
/// those of many steps.
/// </summary>
internal sealed class RecordedStep : IDisposable
{
    private const int WarmUps = 2;
    private const int Columns = 4;

    private readonly DenoisingPass pass;
    private readonly IBatchSource batches;
    private readonly DenoisingStepOptions options;
    private readonly IRecordedOptimiser optimiser;
    private readonly Dictionary<string, Recording> recordings = [];
    private (long Step, DenoisingBatch[] Batches)? ready;
    private (DenoisingBatch[] Batches, Recording By)? taken;
    private readonly StepClock clock;
    private readonly StepFigures figures;

    public RecordedStep(
        DenoisingPass pass, IBatchSource batches, DenoisingStepOptions options, IRecordedOptimiser optimiser)
    {
        this.pass = pass;
        this.batches = batches;
        this.options = options;
        this.optimiser = optimiser;
        clock = new StepClock(options.Rate, optimiser.Masters[0].device);
        figures = new StepFigures(clock.Step, Columns + optimiser.FigureNames.Count);
    }

    /// <summary>Why a training cannot be recorded, as a sentence's end; null where it can.</summary>
    public static string? Obstacle(IOptimiser optimiser) =>
        optimiser is not IRecordedOptimiser able ? $"{optimiser.GetType().Name} has no kernel of this program's"
        : !able.UsesKernel ? "its weights are not on a CUDA device with this program's kernels"
        : !CudaGraph.Available ? CudaGraph.Reason
        : null;

    /// <summary>Whether figures must be read before another step.</summary>
    public bool IsFull => figures.IsFull;

    /// <summary>Trains on the batches of one optimiser step.</summary>
    /// <returns>False, and nothing done, where these batches cannot be recorded.</returns>
    public bool Start(long step)
    {
        using var scope = NewDisposeScope();
        var given = ready is { } prepared && prepared.Step == step ? prepared.Batches : Draw(step);
        ready = null;
        if (given.Any(batch => batch.Context.requires_grad))
        {
            Free(given);
            return false;
        }

        var key = Key(given);
        if (!recordings.TryGetValue(key, out var recording))
        {
            recording = new Recording(this, given);
            recordings.Add(key, recording);
        }

        if (!ReferenceEquals(taken?.Batches, given) || taken?.By != recording)
        {
            recording.Take(given);
        }

        taken = null;
        clock.Set(step);
        recording.Graph.Replay();
        clock.Went();
        figures.Started(step);
        optimiser.Advance();
        Free(given);
        Prepare(step + 1);
        return true;
    }

    /// <summary>
    /// The steps started since the last reading and their figures: total, instances, class images, norm, and what the
    /// optimiser reports. Waits for them.
    /// </summary>
    public List<(long Step, float[] Figures)> Read() => figures.Read();

    /// <summary>What the optimiser reports among a step's figures, by name.</summary>
    public IReadOnlyDictionary<string, double> Further(float[] read) =>
        optimiser.FigureNames.Zip(read.Skip(Columns)).ToDictionary(pair => pair.First, pair => (double)pair.Second);

    /// <summary>
    /// Prepares a step's batch and enqueues its copies behind the step that runs, so that the device finds the next one
    /// ready when the host has read figures.
    /// </summary>
    private void Prepare(long step)
    {
        if (step >= options.Rate.Steps)
        {
            return;
        }

        var next = Draw(step);
        ready = (step, next);
        if (recordings.TryGetValue(Key(next), out var recording))
        {
            recording.Take(next);
            taken = (next, recording);
        }
    }

    private static string Key(DenoisingBatch[] batches) =>
        string.Join(
            ';', batches.SelectMany(batch => batch.Tensors).Select(tensor => string.Join(',', tensor.shape)));

    /// <summary>Forgets the batch drawn ahead, after a change of state.</summary>
    public void Reset()
    {
        Free(ready?.Batches ?? []);
        ready = null;
        taken = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Reset();
        foreach (var recording in recordings.Values)
        {
            recording.Dispose();
        }

        recordings.Clear();
        figures.Dispose();
        clock.Dispose();
    }

    private static void Free(DenoisingBatch[] batches)
    {
        foreach (var tensor in batches.SelectMany(batch => batch.Tensors))
        {
            tensor.Dispose();
        }
    }

    private DenoisingBatch[] Draw(long step)
    {
        // Handles of their own: what a source keeps for itself must outlive the step.
        using var scope = NewDisposeScope();
        var drawn = new DenoisingBatch[options.Accumulation];
        for (var i = 0; i < drawn.Length; i++)
        {
            drawn[i] = batches.Batch((step * drawn.Length) + i).Map(tensor => tensor.alias().DetachFromDisposeScope());
        }

        return drawn;
    }

    /// <summary>One graph, and the memory it reads and writes.</summary>
    private sealed class Recording : IDisposable
    {
        private readonly RecordedStep owner;
        private readonly DenoisingBatch[] inputs;
        private readonly Tensor sum;

        public Recording(RecordedStep owner, DenoisingBatch[] like)
        {
            this.owner = owner;
            inputs = [.. like.Select(batch => batch.Map(tensor => tensor.detach().clone().DetachFromDisposeScope()))];
            var device = owner.optimiser.Parameters[0].Parameter.device;
            owner.clock.Prepare(owner.optimiser);
            sum = zeros(3, dtype: ScalarType.Float32, device: device).DetachFromDisposeScope();
            try
            {
                // Warm-ups compute gradients and let them go: weights and moments stay as they are.
                // No two are replayed at the same time: a further shape takes what memory the others have.
                Graph = CudaGraph.Record(Step, WarmUp, WarmUps, owner.recordings.Values.FirstOrDefault()?.Graph);
            }
            catch
            {
                owner.optimiser.ZeroGrad();
                Dispose();
                throw;
            }
        }

        /// <summary>The step.</summary>
        public CudaGraph Graph { get; } = null!;

        public void Take(DenoisingBatch[] batches)
        {
            using var none = no_grad();
            for (var i = 0; i < inputs.Length; i++)
            {
                var (to, from) = (inputs[i].Tensors, batches[i].Tensors);
                for (var j = 0; j < to.Length; j++)
                {
                    to[j].copy_(from[j]);
                }
            }
        }

        public void Dispose()
        {
            ((CudaGraph?)Graph)?.Dispose();
            Free(inputs);
            sum.Dispose();
        }

        private void Passes()
        {
            using var none = no_grad();
            sum.zero_();
            foreach (var batch in inputs)
            {
                owner.pass.Run(batch, sum);
            }
        }

        private void WarmUp()
        {
            using var scope = NewDisposeScope();
            Passes();
            GradientClipping.Norm(owner.optimiser.Gradients);
            owner.optimiser.Prepare();
            owner.optimiser.ZeroGrad();
        }

        private void Step()
        {
            using var scope = NewDisposeScope();
            Passes();
            using var none = no_grad();
            var norm = GradientClipping.Norm(owner.optimiser.Gradients);
            var limit = owner.options.ClipNorm;
            owner.clock.Read(owner.optimiser);
            owner.optimiser.Update(limit is null ? null : norm, limit ?? 0);
            owner.figures.Write(
                cat([sum / owner.options.Accumulation, norm.reshape(1), owner.optimiser.DeviceFigures]));
            owner.optimiser.ZeroGrad();
            owner.clock.Advance();
        }
    }
}
