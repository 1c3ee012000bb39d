using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Models;

/// <summary>One network of a model as its folder in diffusers layout: config.json and one weight file.</summary>
internal static class ComponentFolder
{
    /// <summary>Writes the folder.</summary>
    /// <param name="network">The network.</param>
    /// <param name="component">Its name in a pipeline, which names of trained weights begin with.</param>
    /// <param name="writeConfig">Writes config.json into a folder.</param>
    /// <param name="file">The weight file.</param>
    /// <param name="masters">Trained weights by <c>COMPONENT.NAME</c>; the others are taken from the network.</param>
    /// <param name="metadata">Strings for the header.</param>
    /// <exception cref="RecipesException">It cannot be written.</exception>
    public static void Write(
        nn.Module network,
        string component,
        Action<string> writeConfig,
        string file,
        IReadOnlyDictionary<string, Tensor> masters,
        IReadOnlyDictionary<string, string> metadata)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var folder = Path.GetDirectoryName(file)!;
        try
        {
            writeConfig(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                folder, $"it cannot be written ({e.Message.TrimEnd('.')})", "Choose another folder.", e);
        }

        SafeTensorsWriter.Write(
            file,
            network.state_dict().Select(pair =>
                KeyValuePair.Create(pair.Key, masters.GetValueOrDefault($"{component}.{pair.Key}", pair.Value))),
            new Dictionary<string, string>(metadata) { ["format"] = "pt" });
    }

    /// <summary>Puts a weight file into a network of the same shape.</summary>
    /// <exception cref="RecipesException">A key is missing, left over, or of another shape.</exception>
    public static void Fill(nn.Module network, string file, Func<string, string?> rename)
    {
        using var weights = SafeTensorsFile.Open(file);
        StateDict.Load(network, [weights], rename, Path.GetDirectoryName(file)!);
    }
}
