using Recipes.Core.Pipelines;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>What all trainers of a model do before and after.</summary>
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
