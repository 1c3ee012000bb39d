using Recipes.Core.Networks;
using Recipes.Core.Pipelines;
using static TorchSharp.torch;

namespace Recipes.Core.Models;

/// <summary>
/// A model's text encoders alone, as its folders <c>text_encoder/</c> and, for SDXL, <c>text_encoder_2/</c> (config.json
/// and model.safetensors): what training their own weights leaves beside the UNet's.
/// </summary>
public static class TextEncoderFolders
{
    /// <summary>Writes the folders: all weights, those that were trained from their float32 masters.</summary>
    /// <param name="towers">The text encoders, in their order.</param>
    /// <param name="masters">Trained weights by <c>text_encoder.NAME</c>; the others are taken from the networks.</param>
    /// <param name="parent">The folder that they come to lie in.</param>
    /// <param name="metadata">Strings for the headers.</param>
    /// <exception cref="RecipesException">They cannot be written.</exception>
    public static void Write(
        IReadOnlyList<ClipTextModel> towers,
        IReadOnlyDictionary<string, Tensor> masters,
        string parent,
        IReadOnlyDictionary<string, string> metadata)
    {
        for (var tower = 0; tower < towers.Count; tower++)
        {
            ComponentFolder.Write(
                towers[tower],
                StableDiffusionModel.TextComponent(tower),
                towers[tower].Config.Write,
                WeightFile(parent, tower),
                masters,
                metadata);
        }
    }

    /// <summary>Puts the folders' weights into text encoders of the same shapes.</summary>
    /// <exception cref="RecipesException">A key is missing, left over, or of another shape.</exception>
    public static void Fill(IReadOnlyList<ClipTextModel> towers, string parent)
    {
        for (var tower = 0; tower < towers.Count; tower++)
        {
            ComponentFolder.Fill(towers[tower], WeightFile(parent, tower), WeightKeys.ForText);
        }
    }

    private static string WeightFile(string parent, int tower) =>
        Path.Combine(parent, StableDiffusionModel.TextComponent(tower), "model.safetensors");
}
