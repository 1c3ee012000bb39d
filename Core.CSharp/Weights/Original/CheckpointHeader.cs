namespace Recipes.Core.Weights.Original;

/// <summary>The keys and shapes of a checkpoint, looked up by key and by the modules they lie in.</summary>
internal sealed class CheckpointHeader
{
    private readonly HashSet<string> prefixes = [];

    public CheckpointHeader(
        string path, IReadOnlyDictionary<string, TensorInfo> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        Path = path;
        Tensors = tensors;
        Metadata = metadata;
        foreach (var key in tensors.Keys)
        {
            for (var dot = key.IndexOf('.'); dot >= 0; dot = key.IndexOf('.', dot + 1))
            {
                prefixes.Add(key[..(dot + 1)]);
            }
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The tensors by key.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>The texts of the file's header.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Whether there is a tensor of that name.</summary>
    public bool Has(string key) => Tensors.ContainsKey(key);

    /// <summary>Whether there is any tensor in that module; the name ends in a dot.</summary>
    public bool Any(string module) => prefixes.Contains(module);

    /// <summary>How many modules are numbered from 0 on below that name, which ends in a dot.</summary>
    public int Count(string modules)
    {
        var count = 0;
        while (Any($"{modules}{count}."))
        {
            count++;
        }

        return count;
    }

    /// <summary>The shape of the first of these tensors that is there.</summary>
    /// <exception cref="RecipesException">None is, or it has fewer dimensions than are needed.</exception>
    public long[] Shape(int rank, params string[] keys)
    {
        foreach (var key in keys)
        {
            if (Tensors.TryGetValue(key, out var info))
            {
                return info.Shape.Length >= rank
                    ? info.Shape
                    : throw new RecipesException(
                        Path, $"tensor {key} is {info.ShapeText}, not of {rank} dimensions", Cure);
            }
        }

        throw new RecipesException(Path, $"the tensor {keys[0]} is missing", Cure);
    }

    /// <summary>What to do about a damaged file.</summary>
    public const string Cure = "Download the checkpoint again, or choose another.";
}
