namespace Recipes.Core.Adapters;

/// <summary>
/// The names of layers in adapter files. Reading goes from every layer of the network to the names it may have in a
/// file, since dots turned into underscores cannot be told apart afterwards.
/// </summary>
internal static class LoraStems
{
    private const string TextPrefix = "text_model.";
    private const string TextLayer = "encoder.layers.";

    private static readonly string[] TextLayers = ["q_proj", "k_proj", "v_proj", "out_proj"];
    private static readonly string[] ImageLayers = ["to_q", "to_k", "to_v", "to_out.0"];

    /// <summary>All names that a layer may have in a file, without the suffix that tells the part.</summary>
    /// <param name="component">unet, text_encoder or text_encoder_2.</param>
    /// <param name="path">The layer.</param>
    /// <param name="original">Its name in the original layout, where it has one.</param>
    public static IEnumerable<string> Of(string component, string path, string? original)
    {
        foreach (var spelling in Spellings(component, path))
        {
            yield return $"{component}.{spelling}";
            foreach (var prefix in KohyaPrefixes(component))
            {
                yield return Kohya(prefix, spelling);
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

        if (original is not null)
        {
            foreach (var prefix in KohyaPrefixes(component))
            {
                yield return Kohya(prefix, original);
            }
        }
    }

    /// <summary>
    /// Whether all layers are attention projections. Otherwise the reference's layout mixes two spellings in one file,
    /// of which its own reader then passes over the attention's; such adapters are written in PEFT's names alone.
    /// </summary>
    public static bool IsAttentionOnly(IEnumerable<LoraAdapter> adapters) =>
        adapters.All(adapter => EndsWithAny(adapter.Path, ImageLayers) || EndsWithAny(adapter.Path, TextLayers));

    /// <summary>The keys of a layer's parts in PEFT's or diffusers' layout.</summary>
    public static (string Down, string Up, string Magnitude) Keys(LoraNaming naming, string component, string path)
    {
        var full = $"{component}.{path}";
        var (down, up) = naming switch
        {
            LoraNaming.Diffusers when EndsWithAny(path, ImageLayers) => ("lora.down", "lora.up"),
            LoraNaming.Diffusers when EndsWithAny(path, TextLayers) =>
                ("lora_linear_layer.down", "lora_linear_layer.up"),
            _ => ("lora_A", "lora_B"),
        };
        return ($"{full}.{down}.weight", $"{full}.{up}.weight", $"{full}.lora_magnitude_vector");
    }

    /// <summary>A layer's name in the kohya layout.</summary>
    /// <param name="component">unet, text_encoder or text_encoder_2.</param>
    /// <param name="path">The layer.</param>
    /// <param name="original">Its name in the original layout, to spell it so.</param>
    /// <param name="twoEncoders">Whether the pipeline has two text encoders, which are then numbered.</param>
    public static string Kohya(string component, string path, string? original, bool twoEncoders)
    {
        // Programs that read this layout expect the text_model part that older text encoders have.
        var spelt = component != "unet" && path.StartsWith(TextLayer, StringComparison.Ordinal)
            ? TextPrefix + path
            : original ?? path;
        var prefixes = KohyaPrefixes(component);
        return Kohya(prefixes[twoEncoders ? prefixes.Length - 1 : 0], spelt);
    }

    private static string Kohya(string prefix, string spelling) => $"{prefix}_{spelling.Replace('.', '_')}";

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
