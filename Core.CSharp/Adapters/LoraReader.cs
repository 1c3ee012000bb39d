using Recipes.Core.Networks.Layers;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>
/// Reads adapter files of every spelling in <see cref="LoraKeys"/> and <see cref="LoraStems"/>. Every key must find its
/// layer, and all shapes are compared before any weight is read.
/// </summary>
internal static class LoraReader
{
    private const int Listed = 10;

    public static LoraSet Read(SafeTensorsFile file, IReadOnlyDictionary<string, nn.Module> networks)
    {
        var layers = new List<Place>();
        var originals = new Dictionary<string, IReadOnlyDictionary<string, string>>();
        foreach (var (component, network) in networks)
        {
            var inside = LoraSet.Layers(network);
            originals[component] = LoraSet.Originals(component, inside);
            layers.AddRange(inside.Select(pair => new Place(component, pair.Key, pair.Value)));
        }

        var model = AdapterFamily.Of(networks);
        var clash = AdapterFamily.Of(file).Against(model);
        if (clash is not null && AdapterFamily.InHeader(file.Metadata) is not null)
        {
            throw new RecipesException(file.Path, clash, Cure(model));
        }

        var stems = new Dictionary<string, int>();
        for (var index = 0; index < layers.Count; index++)
        {
            var (component, path, _) = layers[index];
            foreach (var stem in LoraStems.Of(component, path, originals[component].GetValueOrDefault(path)))
            {
                stems.TryAdd(stem, index);
            }
        }

        var faults = new Faults(file, clash, Cure(model));
        var found = Match(file, stems, layers, faults);
        var metadata = LoraMetadata.Peft(file);
        var parts = found.OrderBy(pair => pair.Key)
            .Select(pair => new LoraParts(file, layers[pair.Key], pair.Value, metadata))
            .ToList();
        faults.Refuse(
            [.. parts.Where(part => !part.IsWhole).Select(part => part.AnyKey)],
            "lack the other half of their pair");
        faults.Refuse([.. parts.Select(part => part.Misfit).OfType<string>()], "do not fit their layers", "; ");
        var made = new List<WeightAdapter>();
        try
        {
            made.AddRange(parts.Select(part => part.Make()));
        }
        catch
        {
            made.ForEach(adapter => adapter.Dispose());
            throw;
        }

        return new LoraSet(made, originals, file.Metadata);
    }

    private static string Cure(AdapterFamily model) => model.Name is { } family
        ? $"Load it with the base model it was trained on, or choose an adapter for {family}."
        : "Load it with the base model it was trained on.";

    private static Dictionary<int, Dictionary<LoraRole, string>> Match(
        SafeTensorsFile file, Dictionary<string, int> stems, List<Place> layers, Faults faults)
    {
        var found = new Dictionary<int, Dictionary<LoraRole, string>>();
        var unused = new List<string>();
        foreach (var key in file.Tensors.Keys)
        {
            if (LoraKeys.ForeignKind(key) is { } kind)
            {
                throw new RecipesException(
                    file.Path,
                    $"it is {kind} ({key}), which is not read",
                    "Merge it into its base model with the program that made it, or extract a LoRA from it there.");
            }

            if (LoraKeys.Split(key) is not { } parts || !stems.TryGetValue(parts.Stem, out var index))
            {
                unused.Add(key);
                continue;
            }

            if (!found.TryGetValue(index, out var roles))
            {
                found[index] = roles = [];
            }

            if (!roles.TryAdd(parts.Role, key))
            {
                throw new RecipesException(
                    file.Path,
                    $"{roles[parts.Role]} and {key} are for the same layer",
                    "Keep one of the two in the file.");
            }
        }

        faults.Refuse(unused, "fit no layer of the model");
        if (found.Count == 0)
        {
            throw new RecipesException(
                file.Path,
                $"it holds no adapter for {layers.Count} layers",
                "Name a file of LoRA weights.");
        }

        return found;
    }

    /// <summary>Tells of keys at fault, ten of them by name, and of another family where that is the reason.</summary>
    private sealed class Faults(SafeTensorsFile file, string? clash, string cure)
    {
        public void Refuse(IReadOnlyList<string> keys, string fault, string separator = ", ")
        {
            if (keys.Count > 0)
            {
                var listed = string.Join(separator, keys.Take(Listed));
                var reason = clash is null ? "" : $"{clash}: ";
                throw new RecipesException(
                    file.Path, $"{reason}{keys.Count} of {file.Tensors.Count} keys {fault} (first: {listed})", cure);
            }
        }
    }
}

/// <summary>A layer of one of the networks.</summary>
internal sealed record Place(string Component, string Path, IAdaptable Layer);
