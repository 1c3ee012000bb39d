using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The plain step of every method that trains a denoiser: noise the latents, predict, compare, and follow the clipped
/// gradient with AdamW. The host waits for the device once a step, for the figures it reports.
/// </summary>
public sealed class DenoisingStep : ITrainingStep
{
    private readonly Func<Tensor, DenoisingBatch, Tensor> network;
    private readonly NoiseSchedule schedule;
    private readonly IBatchSource batches;
    private readonly DenoisingStepOptions options;
    private readonly AdamW optimiser;

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
        this.network = network;
        this.schedule = schedule;
        this.batches = batches;
        this.options = options;
        optimiser = new AdamW(parameters, options.AdamW);
    }

    /// <summary>The optimiser, whose masters are the trained weights in float32.</summary>
    public AdamW Optimiser => optimiser;

    /// <inheritdoc/>
    public StepResult Run(long step)
    {
        using var scope = NewDisposeScope();
        var prior = options.Loss.PriorWeight is not null;
        var sum = zeros(3, dtype: ScalarType.Float32, device: optimiser.Parameters[0].Parameter.device);
        for (var pass = 0; pass < options.Accumulation; pass++)
        {
            Pass((step * options.Accumulation) + pass, sum);
        }

        var norm = GradientClipping.ClipByNorm(optimiser.Gradients, options.ClipNorm ?? double.PositiveInfinity);
        var rate = options.Rate.At(step);
        optimiser.Step(rate);
        optimiser.ZeroGrad();

        var figures = cat([sum.div_(options.Accumulation), norm.reshape(1)]).cpu().data<float>().ToArray();
        return new StepResult(figures[0], figures[1], prior ? figures[2] : null, figures[3], rate);
    }

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, Tensor>> SaveState() => optimiser.Save();

    /// <inheritdoc/>
    public void RestoreState(Func<string, Tensor> read) => optimiser.Restore(read);

    /// <inheritdoc/>
    public void Dispose() => optimiser.Dispose();

    /// <summary>One batch forward and backward, its losses added to <paramref name="sum"/>.</summary>
    private void Pass(long number, Tensor sum)
    {
        using var scope = NewDisposeScope();
        using var gradients = enable_grad();
        options.BeforePass?.Invoke(number);
        var batch = batches.Batch(number);
        var noisy = schedule.AddNoise(batch.Latents, batch.Noise, batch.Timesteps);
        var target = schedule.Target(batch.Latents, batch.Noise, batch.Timesteps);
        var weights = options.Loss.MinSnrGamma is { } gamma
            ? DiffusionLoss.MinSnrWeights(schedule.Snr(batch.Timesteps), gamma, schedule.Config.PredictionType)
            : null;
        var prediction = network(noisy, batch);
        var terms = DiffusionLoss.Compute(prediction, target, weights, options.Loss.PriorWeight);
        (options.Accumulation == 1 ? terms.Total : terms.Total / options.Accumulation).backward();
        using var none = no_grad();
        sum.add_(stack([terms.Total, terms.Instance, terms.Prior ?? terms.Total]));
    }
}
