using System.Globalization;
using Recipes.Core.Networks.Layers;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>Reads adapter files of every spelling in <see cref="LoraKeys"/>. Every key must find its layer.</summary>
internal static class LoraReader
{
    private const int Listed = 10;

    public static LoraSet Read(SafeTensorsFile file, IReadOnlyDictionary<string, nn.Module> networks)
    {
        var layers = new List<(string Component, string Path, IAdaptable Layer)>();
        foreach (var (component, network) in networks)
        {
            layers.AddRange(LoraSet.Layers(network).Select(pair => (component, pair.Key, pair.Value)));
        }

        var stems = new Dictionary<string, int>();
        for (var index = 0; index < layers.Count; index++)
        {
            foreach (var stem in LoraKeys.Stems(layers[index].Component, layers[index].Path))
            {
                stems.TryAdd(stem, index);
            }
        }

        var found = Match(file, stems, layers);
        var metadata = LoraMetadata.Peft(file);
        var inOrder = found.OrderBy(pair => pair.Key);
        return new LoraSet([.. inOrder.Select(pair => Make(file, layers[pair.Key], pair.Value, metadata))]);
    }

    private static Dictionary<int, Dictionary<LoraRole, string>> Match(
        SafeTensorsFile file,
        Dictionary<string, int> stems,
        List<(string Component, string Path, IAdaptable Layer)> layers)
    {
        var found = new Dictionary<int, Dictionary<LoraRole, string>>();
        var unused = new List<string>();
        foreach (var key in file.Tensors.Keys)
        {
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

        Refuse(file, unused, "fit no layer of the model", "Load it with the base model it was trained on.");
        var halves = found.Values.Where(roles => !roles.ContainsKey(LoraRole.Down) || !roles.ContainsKey(LoraRole.Up));
        Refuse(
            file,
            [.. halves.Select(roles => roles.First().Value)],
            "lack the other half of their pair",
            "Get the file again from where it came.");
        if (found.Count == 0)
        {
            throw new RecipesException(
                file.Path,
                $"it holds no adapter for {layers.Count} layers",
                "Name a file of LoRA weights.");
        }

        return found;
    }

    private static void Refuse(SafeTensorsFile file, IReadOnlyList<string> keys, string fault, string cure)
    {
        if (keys.Count > 0)
        {
            var first = string.Join(", ", keys.Take(Listed));
            throw new RecipesException(
                file.Path,
                $"{keys.Count} of {file.Tensors.Count} keys {fault} (first: {first})",
                cure);
        }
    }

    private static LoraAdapter Make(
        SafeTensorsFile file,
        (string Component, string Path, IAdaptable Layer) place,
        Dictionary<LoraRole, string> keys,
        LoraMetadata? metadata)
    {
        using var scope = NewDisposeScope();
        var info = file.Info(keys[LoraRole.Down]);
        var rank = info.Shape.Length > 0 ? info.Shape[0] : 0;
        var (downShape, upShape) = LoraAdapter.Shapes(place.Layer, rank);
        var down = Fit(file, keys[LoraRole.Down], place.Layer, downShape);
        var up = Fit(file, keys[LoraRole.Up], place.Layer, upShape);
        var alpha = keys.TryGetValue(LoraRole.Alpha, out var key)
            ? file.Read(key, dtype: ScalarType.Float32).reshape(-1)[0].item<float>()
            : metadata?.AlphaOf(place.Component, place.Path, rank) ?? rank;
        if (!(alpha > 0) || !double.IsFinite(alpha))
        {
            var text = alpha.ToString(CultureInfo.InvariantCulture);
            throw new RecipesException(
                file.Path,
                $"alpha of {place.Component}.{place.Path} is {text}",
                "Get the file again from where it came.");
        }

        return new LoraAdapter(place.Component, place.Path, place.Layer, down, up, alpha);
    }

    /// <summary>
    /// A tensor in the layer's type and place. A linear map may be stored as a 1 × 1 convolution and the reverse.
    /// </summary>
    private static Tensor Fit(SafeTensorsFile file, string key, IAdaptable layer, long[] shape)
    {
        var stored = file.Info(key).Shape;
        if (!Core(stored).SequenceEqual(Core(shape)))
        {
            throw new RecipesException(
                file.Path,
                $"{key} is [{string.Join(", ", stored)}], the layer takes [{string.Join(", ", shape)}]",
                "Load it with the base model it was trained on.");
        }

        return file.Read(key, layer.Weight.device, layer.Weight.dtype).reshape(shape);

        static long[] Core(long[] shape) => shape is [_, _, 1, 1] ? shape[..2] : shape;
    }
}
