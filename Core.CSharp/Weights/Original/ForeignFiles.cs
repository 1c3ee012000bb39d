namespace Recipes.Core.Weights.Original;

/// <summary>Says what a safetensors file is that is no whole checkpoint of a known family.</summary>
internal static class ForeignFiles
{
    private const string Family = "Choose a Stable Diffusion 1, Stable Diffusion 2 or SDXL model.";
    private const string Folder = "Name the model folder it comes from, the one that holds model_index.json.";
    private const string Base = "Name the base model here, and this file where the recipe asks for an adapter.";

    /// <summary>What a key has in it, what such a file is, and what to do with it; the first that fits counts.</summary>
    private static readonly (Func<string, bool> Fits, string Name, string Cure)[] Kinds =
    [
        (Holds("lora_", ".lora.", ".lora_A.", ".lora_linear_layer.", "hada_w1", "lokr_w", ".oft_"),
            "it is an adapter (LoRA), which changes a model and is none", Base),
        (Holds("emb_params", "string_to_param"),
            "it is a textual-inversion embedding, not a model", "Name the base model here."),
        (Begins("control_model.", "controlnet_", "input_hint_block."),
            "it is a ControlNet, which steers a model and is none",
            "Name the base model here, and this file where a ControlNet is asked for."),
        (Holds("motion_modules."), "it is a motion module, not a model of pictures", Family),
        (Holds("double_blocks.", "double_stream_blocks."),
            "it is a Flux model or one of its kin, which is not supported", Family),
        (Holds("joint_blocks."), "it is a Stable Diffusion 3 model, which is not supported", Family),
        (Begins("clip_txt_mapper.", "down_blocks.1.0.channelwise."),
            "it is a Stable Cascade model, which is not supported", Family),
        (Holds("adaLN_modulation", "scale_shift_table", "cap_embedder.", "patchify_proj."),
            "it is a diffusion transformer, which is not supported", Family),
        (Begins("encoder.down_blocks.", "decoder.up_blocks.", "encoder.down.", "decoder.up."),
            "it is an autoencoder (VAE) alone, not a whole model", "Name the model it belongs to."),
        (Begins("down_blocks.", "up_blocks.", "mid_block."),
            "it is the UNet of a diffusers folder, not a whole model", Folder),
        (Begins("text_model.", "transformer.resblocks.", "encoder.layers."),
            "it is a text encoder, not a whole model", Folder),
    ];

    /// <summary>The error for a file.</summary>
    /// <param name="header">Its keys.</param>
    /// <param name="unet">Whether a checkpoint's UNet is there.</param>
    /// <param name="vae">Whether a checkpoint's autoencoder is there.</param>
    /// <param name="text">Whether a checkpoint's text encoders are there.</param>
    public static RecipesException Fault(CheckpointHeader header, bool unet, bool vae, bool text)
    {
        foreach (var (fits, name, cure) in Kinds)
        {
            if (header.Tensors.Keys.FirstOrDefault(fits) is { } key)
            {
                return new RecipesException(header.Path, $"{name} ({Short(key)})", cure);
            }
        }

        if (unet || vae || text)
        {
            var (there, lacking) = Names([(unet, "UNet"), (vae, "autoencoder"), (text, "text encoder")]);
            return new RecipesException(
                header.Path,
                $"of a whole checkpoint it holds the {there} alone and lacks the {lacking}",
                "Name a checkpoint with all three, or the diffusers folder of this model.");
        }

        var first = string.Join(", ", header.Tensors.Keys.Take(3).Select(Short));
        return new RecipesException(
            header.Path,
            header.Tensors.Count == 0
                ? "it holds no tensors"
                : $"its {header.Tensors.Count} tensors ({first}, …) are of no model known here",
            Family);
    }

    private static (string There, string Lacking) Names(IReadOnlyList<(bool There, string Name)> parts)
    {
        string Of(bool there) =>
            string.Join(" and ", parts.Where(part => part.There == there).Select(part => part.Name));
        return (Of(true), Of(false));
    }

    private static string Short(string key) => SafeTensorsHeader.Quote(key).Trim('\'');

    private static Func<string, bool> Holds(params string[] parts) =>
        key => parts.Any(part => key.Contains(part, StringComparison.Ordinal));

    private static Func<string, bool> Begins(params string[] parts) =>
        key => parts.Any(part => key.StartsWith(part, StringComparison.Ordinal));
}
