using Recipes.Core.Adapters.Merging;
using Recipes.Core.Networks;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>
/// Reads and writes keys and values that Custom Diffusion trained (Kumari et al., "Multi-Concept Customization of
/// Text-to-Image Diffusion"), spelt as diffusers' files of attention processors are:
/// <c>PATH.attn2.processor.to_k_custom_diffusion.weight</c> and <c>…to_v_custom_diffusion.weight</c>, each the whole map,
/// [out, in]. Tokens are files of their own; see <see cref="TextualInversionFile"/>.
/// </summary>
public static class CustomDiffusionFile
{
    private const string Processor = ".processor.";
    private const string Ending = "_custom_diffusion.weight";
    private const string UNet = "unet.";
    private const int Listed = 3;

    /// <summary>How a file names a layer: PATH.attn2.to_k to PATH.attn2.processor.to_k_custom_diffusion.weight.</summary>
    public static string Key(string layer)
    {
        var dot = layer.LastIndexOf('.');
        return $"{layer[..dot]}{Processor}{layer[(dot + 1)..]}{Ending}";
    }

    /// <summary>Writes the keys and values in float32.</summary>
    /// <param name="unet">The network.</param>
    /// <param name="masters">Trained weights by <c>unet.NAME</c>; the others are taken from the network.</param>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="metadata">Strings for the header, to which hashes are added.</param>
    /// <exception cref="RecipesException">It cannot be written.</exception>
    public static void Write(
        UNet2DConditionModel unet,
        IReadOnlyDictionary<string, Tensor> masters,
        string path,
        IReadOnlyDictionary<string, string> metadata)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var tensors = Layers(unet)
            .Select(pair => KeyValuePair.Create(
                Key(pair.Key),
                masters.GetValueOrDefault($"{UNet}{pair.Key}.weight", pair.Value)
                    .detach().to(ScalarType.Float32).contiguous()))
            .ToList();
        var header = new Dictionary<string, string>(metadata) { ["format"] = "pt" };
        AdapterHashes.AddTo(header, tensors);
        SafeTensorsWriter.Write(path, tensors, header);
    }

    /// <summary>The maps of a file for a UNet, by layer: PATH.attn2.to_k to [out, in] in float32.</summary>
    /// <exception cref="RecipesException">
    /// A map is missing, left over (such as queries, which are not read), of another shape, or holds no numbers.
    /// </exception>
    public static IReadOnlyDictionary<string, Tensor> Read(string path, UNet2DConditionModel unet)
    {
        using var file = SafeTensorsFile.Open(path);
        using var scope = NewDisposeScope();
        var layers = Layers(unet);
        var keys = file.Tensors.Keys.ToDictionary(
            key => key.StartsWith(UNet, StringComparison.Ordinal) ? key[UNet.Length..] : key);
        var missing = layers.Keys.Select(Key).Where(key => !keys.ContainsKey(key)).ToList();
        var over = keys.Keys.Except(layers.Keys.Select(Key)).ToList();
        if (missing.Count > 0 || over.Count > 0)
        {
            throw new RecipesException(
                path,
                $"of {layers.Count} keys and values {missing.Count} are missing{Some(missing)}, and {over.Count} others "
                    + $"are there{Some(over)}",
                "Name a file of the keys and values that Custom Diffusion trained on this base model.");
        }

        var maps = new Dictionary<string, Tensor>();
        foreach (var (layer, weight) in layers)
        {
            var map = file.Read(keys[Key(layer)], dtype: ScalarType.Float32);
            if (!map.shape.SequenceEqual(weight.shape) || !map.isfinite().all().item<bool>())
            {
                throw new RecipesException(
                    path,
                    $"{Key(layer)} is [{string.Join(", ", map.shape)}] for a map of "
                        + $"[{string.Join(", ", weight.shape)}], or holds values that are not numbers",
                    "Name a file that was trained on this base model.");
            }

            maps[layer] = map.MoveToOuterDisposeScope();
        }

        return maps;
    }

    /// <summary>Puts the maps of a file into a UNet.</summary>
    /// <exception cref="RecipesException">It does not fit; see <see cref="Read"/>.</exception>
    public static void Fill(UNet2DConditionModel unet, string path)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var maps = Read(path, unet);
        foreach (var (layer, weight) in Layers(unet))
        {
            weight.copy_(maps[layer]);
        }
    }

    private static Dictionary<string, Tensor> Layers(UNet2DConditionModel unet)
    {
        var all = LoraSet.Layers(unet);
        return KeyValueMerge.Layers(unet).ToDictionary(path => path, path => (Tensor)all[path].Weight);
    }

    private static string Some(List<string> names) => names.Count switch
    {
        0 => "",
        <= Listed => $" ({string.Join(", ", names)})",
        _ => $" ({string.Join(", ", names.Take(Listed))}, ...)",
    };
}
