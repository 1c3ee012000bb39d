using Recipes.Core.Pipelines;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>What all trainers of a model do before and after.</summary>
internal static class TrainedModel
{
    /// <summary>Refuses a model of another type than the training, and pictures of a size it cannot encode.</summary>
    /// <exception cref="RecipesException">One of these.</exception>
    public static void Check(StableDiffusionModel model, Precision precision, TrainingImages images, string where)
    {
        var wanted = precision == Precision.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
        if (model.UNet.DType != wanted)
        {
            throw new RecipesException(
                model.Folder,
                $"it was loaded in {model.UNet.DType}, the training is in {wanted}",
                $"Load it in {wanted}.");
        }

        var factor = model.Vae.Config.Factor;
        if (images.Size % factor != 0)
        {
            throw new RecipesException(
                where,
                $"their size of {images.Size} px is no multiple of {factor}",
                $"Set {Math.Max(1, images.Size / factor) * factor}.");
        }
    }

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
