using Recipes.Core.Pipelines;

namespace Recipes.Core.Training;

/// <summary>
/// What the training of an upscaler has beside others' (the super-resolution stage of Ruiz et al., "DreamBooth", section
/// 4.3): the pictures' small versions, with noise of a random level, so that the model learns the detail and not the
/// pictures' noise.
/// </summary>
public sealed record UpscalerOptions
{
    /// <summary>
    /// The highest timestep whose noise is added to small pictures; every level up to it is as likely. Null for the
    /// model's own highest.
    /// </summary>
    public int? HighestNoiseLevel { get; init; }

    /// <summary>
    /// The share of captions left out, 0 to 1: more than elsewhere, as the small picture says most. It stands for
    /// <see cref="DiffusionTrainingOptions.CaptionDropout"/>.
    /// </summary>
    public double CaptionDropout { get; init; } = 0.1;

    /// <summary>Refuses settings that cannot train.</summary>
    /// <exception cref="RecipesException">A setting is out of range.</exception>
    public void Check()
    {
        if (CaptionDropout is not (>= 0 and <= 1))
        {
            throw new RecipesException(
                "Upscaler.CaptionDropout", $"{CaptionDropout} is no probability", "Set a number from 0 to 1.");
        }
    }

    /// <summary>The highest level of noise that a training of this model draws.</summary>
    /// <exception cref="RecipesException">The model is no upscaler, or does not know the level.</exception>
    internal int Highest(StableDiffusionModel model)
    {
        if (model.LowResScheduler is null || model.UNet.Config.NumClassEmbeds is not { } labels)
        {
            throw new RecipesException(
                model.Folder,
                $"it is no upscaler ({model.PipelineClass})",
                "Use a model such as stable-diffusion-x4-upscaler.");
        }

        var most = Math.Min(model.MaxNoiseLevel, Math.Min(model.LowResScheduler.NumTrainTimesteps, (int)labels) - 1);
        var highest = HighestNoiseLevel ?? most;
        return highest >= 0 && highest <= most
            ? highest
            : throw new RecipesException(
                "Upscaler.HighestNoiseLevel", $"it is {highest}", $"Set 0 to {most}, or leave it out.");
    }
}
