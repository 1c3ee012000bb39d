using Recipes.Core.Kernels;
using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The step that trains a ControlNet (Zhang et al. 2023, equation 5): the frozen UNet's prediction, led by the
/// ControlNet's residuals, is compared as in every other training; gradients reach the ControlNet alone.
/// </summary>
public static class ControlNetStep
{
    /// <summary>Makes the step, and sets what requires gradients: all of the ControlNet, nothing of the UNet.</summary>
    /// <param name="unet">The base model, of the ControlNet's type and on its device.</param>
    /// <param name="network">What is trained.</param>
    /// <param name="schedule">The noise of the base model's training, and what it predicts.</param>
    /// <param name="batches">The data, with <see cref="DenoisingBatch.Control"/> pictures.</param>
    /// <param name="options">Rate, loss, clipping.</param>
    /// <exception cref="RecipesException">
    /// The ControlNet is not for this base model, or settings cannot train.
    /// </exception>
    public static DenoisingStep Create(
        UNet2DConditionModel unet,
        ControlNetModel network,
        NoiseSchedule schedule,
        IBatchSource batches,
        DenoisingStepOptions options)
    {
        network.Config.RequireFit(unet.Config);
        FusedNetworks.Prepare(unet);
        FusedNetworks.Prepare(network);
        foreach (var parameter in unet.parameters())
        {
            parameter.requires_grad = false;
        }

        var trained = new List<NamedParameter>();
        foreach (var (name, parameter) in network.named_parameters())
        {
            parameter.requires_grad = true;
            trained.Add(new NamedParameter($"controlnet.{name}", parameter));
        }

        return new DenoisingStep(
            (noisy, batch) => Predict(unet, network, noisy, batch), schedule, batches, trained, options);
    }

    private static Tensor Predict(
        UNet2DConditionModel unet, ControlNetModel network, Tensor noisy, DenoisingBatch batch)
    {
        var picture = batch.Control ?? throw new RecipesException(
            "ControlNet training",
            "a batch has no control pictures",
            "Give each training picture its control picture.");
        using var scope = NewDisposeScope();
        using var text = new TextContext(batch.Context);
        var residuals = network.forward(noisy, batch.Timesteps, text, picture);
        var conditions = new UNetConditions
        {
            DownResiduals = residuals.Down,
            MidResidual = residuals.Mid,
            Attention = batch.Attention,
        };
        return unet.forward(noisy, batch.Timesteps, text, conditions).MoveToOuterDisposeScope();
    }
}
