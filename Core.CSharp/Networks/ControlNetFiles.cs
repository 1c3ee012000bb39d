using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>ControlNets on disk.</summary>
public static class ControlNetFiles
{
    private const string Stem = "diffusion_pytorch_model";

    /// <summary>Reads a ControlNet for a base model. Its weights are frozen (no gradients) and ready to use.</summary>
    /// <param name="path">
    /// A folder with config.json and weights in diffusers layout, or a single safetensors file under diffusers' keys or
    /// the authors' own.
    /// </param>
    /// <param name="unet">The base model's shape.</param>
    /// <param name="device">The CPU by default; the base model's to be used with it.</param>
    /// <param name="dtype">Float32 by default, whatever the file holds; the base model's to be used with it.</param>
    /// <exception cref="RecipesException">
    /// It is missing, of another family, not supported, or its weights do not fit its config.
    /// </exception>
    public static ControlNetModel Load(
        string path, UNetConfig unet, Device? device = null, ScalarType? dtype = null)
    {
        if (File.Exists(path))
        {
            return LoadFile(path, unet, device, dtype);
        }

        var config = ControlNetConfig.Read(path);
        config.RequireFit(unet);
        var files = new List<SafeTensorsFile>();
        try
        {
            files.AddRange(WeightFiles.Find(path, Stem).Select(SafeTensorsFile.Open));
            return Fill(config, files, WeightKeys.ForDiffusers, path, device, dtype);
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }
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

    private static ControlNetModel LoadFile(string path, UNetConfig unet, Device? device, ScalarType? dtype)
    {
        if (!path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
        {
            throw new RecipesException(
                path,
                "it is no safetensors file; a pickle (.pth, .ckpt, .bin) may run code when it is opened",
                "Download the ControlNet's safetensors version, or its folder in diffusers layout.");
        }

        using var file = SafeTensorsFile.Open(path);
        var checkpoint = ControlNetCheckpoint.Read(file, unet);
        return Fill(checkpoint.Config, [file], checkpoint.Rename, path, device, dtype);
    }

    private static ControlNetModel Fill(
        ControlNetConfig config,
        IReadOnlyList<SafeTensorsFile> files,
        Func<string, string?> rename,
        string where,
        Device? device,
        ScalarType? dtype)
    {
        var network = new ControlNetModel(config, device, dtype);
        try
        {
            StateDict.Load(network, files, rename, where);
        }
        catch
        {
            network.Dispose();
            throw;
        }

        network.eval();
        foreach (var parameter in network.parameters())
        {
            parameter.requires_grad = false;
        }

        return network;
    }
}
