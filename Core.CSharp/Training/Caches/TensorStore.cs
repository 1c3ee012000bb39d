using System.Security.Cryptography;
using System.Text;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Training.Caches;

/// <summary>
/// Tensors in a folder, for other runs to find: a safetensors file for each key, named by the key's SHA-256, with the key
/// in its header. A key is a text of all that its tensors depend on, so that what is found is never stale.
/// </summary>
/// <param name="folder">Made where it is missing; may be deleted at any time.</param>
internal sealed class TensorStore(string folder)
{
    private const string KeyName = "recipes.key";

    /// <summary>Keys that were there.</summary>
    public int Found { get; private set; }

    /// <summary>Keys that were computed and written.</summary>
    public int Made { get; private set; }

    /// <summary>The tensors of a key: read where they are there and whole, else made and written.</summary>
    /// <param name="key">All that they depend on.</param>
    /// <param name="device">Where they are needed.</param>
    /// <param name="make">Computes them. They are the caller's scope's, as those that are read.</param>
    /// <exception cref="RecipesException">The folder cannot be written.</exception>
    public IReadOnlyDictionary<string, Tensor> Get(
        string key, Device device, Func<IReadOnlyDictionary<string, Tensor>> make)
    {
        var path = PathOf(key);
        if (Read(path, key, device) is { } found)
        {
            Found++;
            return found;
        }

        var made = make();
        Write(path, key, made);
        Made++;
        return made;
    }

    /// <summary>The file of a key, in one of 256 folders by its first two digits.</summary>
    public string PathOf(string key)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
        return Path.Combine(folder, hash[..2], $"{hash}.safetensors");
    }

    private static Dictionary<string, Tensor>? Read(string path, string key, Device device)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        try
        {
            using var file = SafeTensorsFile.Open(path);
            return file.Metadata.GetValueOrDefault(KeyName) == key
                ? file.Tensors.Keys.ToDictionary(name => name, name => file.Read(name, device))
                : null;
        }
        catch (RecipesException)
        {
            // A harmed file is worth no run: what it held is computed again, and the file replaced.
            return null;
        }
    }

    private static void Write(string path, string key, IReadOnlyDictionary<string, Tensor> tensors)
    {
        var parent = Path.GetDirectoryName(path)!;
        try
        {
            Directory.CreateDirectory(parent);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                parent,
                $"the cache's folder cannot be made ({e.Message.TrimEnd('.')})",
                "Choose another folder for the cache, or train without it.",
                e);
        }

        SafeTensorsWriter.Write(path, tensors, new Dictionary<string, string> { [KeyName] = key });
    }
}
