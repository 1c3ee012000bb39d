namespace Recipes.Core.Adapters;

/// <summary>What a key of an adapter file holds.</summary>
internal enum LoraRole
{
    Down,
    Up,
    Alpha,
}

/// <summary>
/// The spellings of keys. Reading goes from every layer of the network to the names it may have in a file, since
/// dots turned into underscores cannot be told apart afterwards.
/// </summary>
internal static class LoraKeys
{
    private const string TextPrefix = "text_model.";

    private static readonly (string Suffix, LoraRole Role)[] Suffixes =
    [
        (".lora_A.weight", LoraRole.Down),
        (".lora_B.weight", LoraRole.Up),
        (".lora_A.default.weight", LoraRole.Down),
        (".lora_B.default.weight", LoraRole.Up),
        (".lora.down.weight", LoraRole.Down),
        (".lora.up.weight", LoraRole.Up),
        (".lora_down.weight", LoraRole.Down),
        (".lora_up.weight", LoraRole.Up),
        (".lora_linear_layer.down.weight", LoraRole.Down),
        (".lora_linear_layer.up.weight", LoraRole.Up),
        ("_lora_linear_layer.down.weight", LoraRole.Down),
        ("_lora_linear_layer.up.weight", LoraRole.Up),
        ("_lora_linear_layer.alpha", LoraRole.Alpha),
        ("_lora.down.weight", LoraRole.Down),
        ("_lora.up.weight", LoraRole.Up),
        (".alpha", LoraRole.Alpha),
    ];

    private static readonly string[] TextLayers = ["q_proj", "k_proj", "v_proj", "out_proj"];
    private static readonly string[] ImageLayers = ["to_q", "to_k", "to_v", "to_out.0"];

    /// <summary>The layer's part of a key and what the key holds, or null for a key of no known spelling.</summary>
    public static (string Stem, LoraRole Role)? Split(string key)
    {
        foreach (var (suffix, role) in Suffixes)
        {
            if (key.EndsWith(suffix, StringComparison.Ordinal))
            {
                return (key[..^suffix.Length], role);
            }
        }

        return null;
    }

    /// <summary>All names that a layer may have in a file, without the suffix that tells the half.</summary>
    public static IEnumerable<string> Stems(string component, string path)
    {
        foreach (var spelling in Spellings(component, path))
        {
            yield return $"{component}.{spelling}";
            foreach (var prefix in KohyaPrefixes(component))
            {
                yield return $"{prefix}_{spelling.Replace('.', '_')}";
            }

            if (component == "unet")
            {
                yield return spelling;
            }

            if (OldSpelling(spelling) is { } old)
            {
                yield return $"{component}.{old}";
                yield return old;
            }
        }
    }

    /// <summary>
    /// Whether all layers are attention projections. Otherwise the reference's layout mixes two spellings in one file,
    /// of which its own reader then passes over the attention's; such adapters are written in PEFT's names alone.
    /// </summary>
    public static bool IsAttentionOnly(IEnumerable<LoraAdapter> adapters) =>
        adapters.All(adapter => EndsWithAny(adapter.Path, ImageLayers) || EndsWithAny(adapter.Path, TextLayers));

    /// <summary>The two keys of a layer in a layout.</summary>
    public static (string Down, string Up) Pair(LoraNaming naming, string component, string path)
    {
        var full = $"{component}.{path}";
        return naming switch
        {
            LoraNaming.Kohya =>
                ($"{KohyaStem(component, path)}.lora_down.weight", $"{KohyaStem(component, path)}.lora_up.weight"),
            LoraNaming.Diffusers when EndsWithAny(path, ImageLayers) =>
                ($"{full}.lora.down.weight", $"{full}.lora.up.weight"),
            LoraNaming.Diffusers when EndsWithAny(path, TextLayers) =>
                ($"{full}.lora_linear_layer.down.weight", $"{full}.lora_linear_layer.up.weight"),
            _ => ($"{full}.lora_A.weight", $"{full}.lora_B.weight"),
        };
    }

    /// <summary>A layer's name in the kohya layout.</summary>
    public static string KohyaStem(string component, string path)
    {
        // Tools that read this layout expect the text_model part that older text encoders have.
        var spelt = component == "unet" || path.StartsWith(TextPrefix, StringComparison.Ordinal)
            ? path
            : TextPrefix + path;
        return $"{KohyaPrefixes(component)[0]}_{spelt.Replace('.', '_')}";
    }

    private static string[] KohyaPrefixes(string component) => component switch
    {
        "unet" => ["lora_unet"],
        "text_encoder" => ["lora_te", "lora_te1"],
        "text_encoder_2" => ["lora_te2"],
        _ => [$"lora_{component}"],
    };

    /// <summary>Text encoders are saved with and without a text_model level; both fit.</summary>
    private static IEnumerable<string> Spellings(string component, string path)
    {
        yield return path;
        if (component != "unet")
        {
            yield return path.StartsWith(TextPrefix, StringComparison.Ordinal)
                ? path[TextPrefix.Length..]
                : TextPrefix + path;
        }
    }

    /// <summary>The name from the time of attention processors: attn1.processor.to_q, self_attn.to_q.</summary>
    private static string? OldSpelling(string path)
    {
        foreach (var layer in ImageLayers)
        {
            if (path.EndsWith("." + layer, StringComparison.Ordinal))
            {
                return $"{path[..^(layer.Length + 1)]}.processor.{(layer == "to_out.0" ? "to_out" : layer)}";
            }
        }

        for (var index = 0; index < TextLayers.Length; index++)
        {
            if (path.EndsWith("." + TextLayers[index], StringComparison.Ordinal))
            {
                return $"{path[..^(TextLayers[index].Length + 1)]}.{ImageLayers[index].Replace(".0", "")}";
            }
        }

        return null;
    }

    private static bool EndsWithAny(string path, string[] ends) =>
        ends.Any(end => path == end || path.EndsWith("." + end, StringComparison.Ordinal));
}
