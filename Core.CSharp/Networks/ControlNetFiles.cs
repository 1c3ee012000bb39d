using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>ControlNets on disk.</summary>
public static class ControlNetFiles
{
    private const string Stem = "diffusion_pytorch_model";

    /// <summary>Reads a ControlNet for a base model. Its weights are frozen (no gradients) and ready to use.</summary>
    /// <param name="path">A folder with config.json and weights in diffusers layout.</param>
    /// <param name="unet">The base model's shape.</param>
    /// <param name="device">The CPU by default; the base model's to be used with it.</param>
    /// <param name="dtype">Float32 by default, whatever the file holds; the base model's to be used with it.</param>
    /// <exception cref="RecipesException">
    /// It is missing, of another family, not supported, or its weights do not fit its config.
    /// </exception>
    public static ControlNetModel Load(
        string path, UNetConfig unet, Device? device = null, ScalarType? dtype = null)
    {
        var config = ControlNetConfig.Read(path);
        config.RequireFit(unet);
        return Fill(config, WeightFiles.Find(path, Stem), WeightKeys.ForDiffusers, path, device, dtype);
    }

    /// <summary>Writes config.json and weights into a folder, in the layout <see cref="Load"/> reads.</summary>
    /// <param name="folder">Made if it is not there.</param>
    /// <param name="network">The network.</param>
    /// <param name="metadata">Strings for the weights' header.</param>
    public static void Save(
        string folder, ControlNetModel network, IReadOnlyDictionary<string, string>? metadata = null)
    {
        network.Config.Write(folder);
        SafeTensorsWriter.Write(
            Path.Combine(folder, $"{Stem}.safetensors"),
            network.state_dict(),
            metadata ?? new Dictionary<string, string> { ["format"] = "pt" });
    }

    private static ControlNetModel Fill(
        ControlNetConfig config,
        IReadOnlyList<string> paths,
        Func<string, string?> rename,
        string where,
        Device? device,
        ScalarType? dtype)
    {
        var network = new ControlNetModel(config, device, dtype);
        var files = new List<SafeTensorsFile>();
        try
        {
            files.AddRange(paths.Select(SafeTensorsFile.Open));
            StateDict.Load(network, files, rename, where);
        }
        catch
        {
            network.Dispose();
            throw;
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }

        network.eval();
        foreach (var parameter in network.parameters())
        {
            parameter.requires_grad = false;
        }

        return network;
    }
}
