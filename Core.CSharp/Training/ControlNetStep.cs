using Recipes.Core.Networks;
using Recipes.Core.Schedules;

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

        return new DenoisingStep(DenoisingNetwork.Of(unet, network), schedule, batches, trained, options);
    }
}
