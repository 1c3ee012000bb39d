using Recipes.Core.Pipelines;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>What a training does with its model before and after.</summary>
internal static class TrainedModel
{
    /// <summary>Refuses a model of another type than the training.</summary>
    public static void Check(StableDiffusionModel model, Precision precision)
    {
        var wanted = precision == Precision.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
        if (model.UNet.DType != wanted)
        {
            throw new RecipesException(
                model.Folder,
                $"it was loaded in {model.UNet.DType}, the training is in {wanted}",
                $"Load it in {wanted}.");
        }
    }

    /// <summary>What sides of pictures must be multiples of: the autoencoder's factor × the UNet's halvings.</summary>
    public static int Granule(StableDiffusionModel model) =>
        model.Vae.Config.Factor << (model.UNet.Config.BlockOutChannels.Count - 1);

    /// <summary>The model's noise, scaled so that nothing of the picture is left at its end.</summary>
    /// <exception cref="RecipesException">The model does not predict v.</exception>
    public static NoiseSchedule ZeroTerminal(StableDiffusionModel model) =>
        model.Scheduler.PredictionType == PredictionType.Velocity
            ? new NoiseSchedule(model.Scheduler with { RescaleBetasZeroSnr = true })
            : throw new RecipesException(
                "Noise.ZeroTerminalSnr",
                $"the model predicts {model.Scheduler.PredictionType}, of which nothing can be found where all is noise",
                "Leave it out, or choose a model that predicts v.");

    /// <summary>Leaves no weight of the model requiring gradients.</summary>
    public static void Freeze(StableDiffusionModel model)
    {
        foreach (var network in (IEnumerable<nn.Module>)[model.UNet, model.Vae, .. model.TextEncoders])
        {
            foreach (var parameter in network.parameters())
            {
                parameter.requires_grad = false;
            }
        }
    }
}
