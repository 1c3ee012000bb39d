using Recipes.Core.Native;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>Forward and backward of one batch, the same whether it is run or recorded.</summary>
/// <param name="network">Noisy latents and all of their batch to a prediction.</param>
/// <param name="schedule">The noise of the network's training, and what it predicts.</param>
/// <param name="options">Loss and accumulation.</param>
internal sealed class DenoisingPass(
    Func<Tensor, DenoisingBatch, Tensor> network, NoiseSchedule schedule, DenoisingStepOptions options)
{
    /// <summary>Adds the batch's gradients to the parameters' and its losses to a sum.</summary>
    /// <param name="batch">The data.</param>
    /// <param name="sum">[3], float32: total, instances, class images.</param>
    public void Run(DenoisingBatch batch, Tensor sum)
    {
        using var scope = NewDisposeScope();
        using var gradients = enable_grad();
        batch = batch.Drawn();
        options.BeforePass?.Invoke(batch);
        var noisy = schedule.AddNoise(batch.Latents, batch.InputNoise ?? batch.Noise, batch.Timesteps);
        var target = schedule.Target(batch.Latents, batch.Noise, batch.Timesteps);
        var weighs = options.Loss.MinSnrGamma is not null || options.Loss.Debiased;
        var weights = weighs
            ? DiffusionLoss.Weights(options.Loss, schedule.Snr(batch.Timesteps), schedule.Config.PredictionType)
            : null;
        var robust = RobustError.Of(options.Loss.Error, schedule, batch.Timesteps);
        using var recorder = AuxiliaryLosses.Recorder(options.Auxiliary, batch);
        var prediction = network(noisy, recorder is null ? batch : batch with { Attention = recorder });
        var terms = DiffusionLoss.Compute(
            prediction, target, weights, options.Loss.PriorWeight, batch.PixelWeights, robust);
        var total = AuxiliaryLosses.Sum(options.Auxiliary, recorder, batch) is { } further
            ? terms.Total + further
            : terms.Total;
        CustomGradient.Backward(options.Accumulation == 1 ? total : total / options.Accumulation);
        using var none = no_grad();
        sum.add_(stack([total, terms.Instance, terms.Prior ?? terms.Total]));
    }
}
