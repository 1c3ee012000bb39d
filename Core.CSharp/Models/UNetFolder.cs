using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Models;

/// <summary>
/// A UNet alone, as a component's folder in diffusers layout (config.json and diffusion_pytorch_model.safetensors): what
/// training a model's own weights leaves. It takes the place of the base model's folder <c>unet/</c>.
/// </summary>
public static class UNetFolder
{
    private const string Stem = "diffusion_pytorch_model";

    /// <summary>The file of the weights.</summary>
    public static string WeightFile(string folder) => Path.Combine(folder, $"{Stem}.safetensors");

    /// <summary>Writes the folder: all weights of the UNet, those that were trained from their float32 masters.</summary>
    /// <param name="unet">The network.</param>
    /// <param name="masters">Trained weights by <c>unet.NAME</c>; the others are taken from the network.</param>
    /// <param name="folder">Made where it is not there.</param>
    /// <param name="metadata">Strings for the header.</param>
    /// <exception cref="RecipesException">It cannot be written.</exception>
    public static void Write(
        UNet2DConditionModel unet,
        IReadOnlyDictionary<string, Tensor> masters,
        string folder,
        IReadOnlyDictionary<string, string> metadata) =>
        ComponentFolder.Write(unet, "unet", unet.Config.Write, WeightFile(folder), masters, metadata);

    /// <summary>Puts the folder's weights into a UNet of the same shape.</summary>
    /// <exception cref="RecipesException">A key is missing, left over, or of another shape.</exception>
    public static void Fill(UNet2DConditionModel unet, string folder) =>
        ComponentFolder.Fill(unet, WeightFile(folder), WeightKeys.ForDiffusers);
}
