namespace Recipes.Core.Weights;

/// <summary>Finds the safetensors files of one component of a model folder.</summary>
public static class WeightFiles
{
    private static readonly string[] Pickles = ["*.bin", "*.ckpt", "*.pt", "*.pth"];

    /// <summary>
    /// The weights of a component in diffusers layout: <c>stem.safetensors</c>; else the shards that
    /// <c>stem.safetensors.index.json</c> lists; else a variant such as <c>stem.fp16.safetensors</c>,
    /// alone or in shards.
    /// </summary>
    /// <param name="folder">The component's folder.</param>
    /// <param name="stem">
    /// <c>diffusion_pytorch_model</c> for networks of diffusers, <c>model</c> for those of transformers.
    /// </param>
    /// <exception cref="RecipesException">There are none, or only pickled ones, or shards are missing.</exception>
    public static IReadOnlyList<string> Find(string folder, string stem)
    {
        if (!Directory.Exists(folder))
        {
            throw new RecipesException(folder, "there is no such folder", "Download the whole model folder again.");
        }

        var whole = Path.Combine(folder, $"{stem}.safetensors");
        if (File.Exists(whole))
        {
            return [whole];
        }

        var index = Path.Combine(folder, $"{stem}.safetensors.index.json");
        if (File.Exists(index))
        {
            return Shards(folder, index);
        }

        // stem.fp16.safetensors, but not stem-00001-of-00002.safetensors, which only an index makes complete.
        var variants = Directory.GetFiles(folder, $"{stem}.*.safetensors")
            .Where(file => !file.Contains("-of-", StringComparison.Ordinal))
            .Concat(Directory.GetFiles(folder, $"{stem}.safetensors.index.*.json"))
            .Order(StringComparer.Ordinal)
            .ToList();
        var chosen = variants.FirstOrDefault(file => file.Contains(".fp16.", StringComparison.Ordinal))
            ?? variants.FirstOrDefault()
            ?? throw Missing(folder, stem);
        return chosen.EndsWith(".json", StringComparison.Ordinal) ? Shards(folder, chosen) : [chosen];
    }

    private static RecipesException Missing(string folder, string stem)
    {
        var pickled = Pickles.SelectMany(pattern => Directory.GetFiles(folder, pattern))
            .Order(StringComparer.Ordinal)
            .FirstOrDefault();
        return pickled is null
            ? new RecipesException(
                folder,
                $"it has no weights ({stem}.safetensors)",
                "Download the whole model folder again, weights included.")
            : new RecipesException(
                folder,
                $"its only weights are {Path.GetFileName(pickled)}, a pickle, which may run code when it is opened",
                "Download the safetensors version, or save the model again with diffusers' save_pretrained.");
    }

    private static IReadOnlyList<string> Shards(string folder, string index)
    {
        const string Cure = "Download the whole model folder again.";
        var map = ConfigFile.Read(index, Cure).Texts("weight_map");
        var names = map?.Values.Distinct().Order(StringComparer.Ordinal).ToList();
        if (names is null or { Count: 0 })
        {
            throw new RecipesException(index, "it has no weight_map of keys to files", Cure);
        }

        foreach (var name in names)
        {
            if (Path.GetFileName(name) != name || !name.EndsWith(".safetensors", StringComparison.Ordinal))
            {
                throw new RecipesException(
                    index, $"{SafeTensorsHeader.Quote(name)} is no safetensors file of the same folder", Cure);
            }

            if (!File.Exists(Path.Combine(folder, name)))
            {
                throw new RecipesException(index, $"the part {name} that it lists is missing", Cure);
            }
        }

        return [.. names.Select(name => Path.Combine(folder, name))];
    }
}
