using System.Text.Json.Nodes;
using Recipes.Core.Networks.Blocks;

namespace Recipes.Core.Networks;

/// <summary>The shape of a CLIP image tower: the fields of a transformers vision config.</summary>
public sealed record ClipVisionConfig
{
    /// <summary>Where it was read from, for messages.</summary>
    public string Where { get; init; } = nameof(ClipVisionConfig);

    /// <summary>Height and width of the pictures, in pixels; a multiple of the patch size.</summary>
    public long ImageSize { get; init; } = 224;

    /// <summary>Height and width of a patch, in pixels.</summary>
    public long PatchSize { get; init; } = 32;

    public long NumChannels { get; init; } = 3;

    public long HiddenSize { get; init; } = 768;

    public long IntermediateSize { get; init; } = 3072;

    public long NumHiddenLayers { get; init; } = 12;

    public long NumAttentionHeads { get; init; } = 12;

    /// <summary>"quick_gelu" or "gelu".</summary>
    public string HiddenAct { get; init; } = "quick_gelu";

    public double LayerNormEps { get; init; } = 1e-5;

    internal static ClipVisionConfig Read(SettingsFile file)
    {
        file.Only("hidden_act", "quick_gelu", "gelu");
        var config = new ClipVisionConfig
        {
            Where = file.Path,
            ImageSize = file.Integer("image_size", 224),
            PatchSize = file.Integer("patch_size", 32),
            NumChannels = file.Integer("num_channels", 3),
            HiddenSize = file.Integer("hidden_size", 768),
            IntermediateSize = file.Integer("intermediate_size", 3072),
            NumHiddenLayers = file.Integer("num_hidden_layers", 12),
            NumAttentionHeads = file.Integer("num_attention_heads", 12),
            HiddenAct = file.Text("hidden_act", "quick_gelu"),
            LayerNormEps = file.Number("layer_norm_eps", 1e-5),
        };
        ClipShape.CheckHeads(config.Where, config.HiddenSize, config.NumAttentionHeads);
        if (config.PatchSize <= 0 || config.ImageSize <= 0 || config.ImageSize % config.PatchSize != 0)
        {
            throw SettingsFile.Refusal(
                config.Where,
                "image_size",
                $"{config.ImageSize}",
                $"Give a multiple of patch_size, {config.PatchSize}.");
        }

        return config;
    }

    internal JsonObject ToJson(long projection) => new()
    {
        ["attention_dropout"] = 0.0,
        ["hidden_act"] = HiddenAct,
        ["hidden_size"] = HiddenSize,
        ["image_size"] = ImageSize,
        ["intermediate_size"] = IntermediateSize,
        ["layer_norm_eps"] = LayerNormEps,
        ["model_type"] = "clip_vision_model",
        ["num_attention_heads"] = NumAttentionHeads,
        ["num_channels"] = NumChannels,
        ["num_hidden_layers"] = NumHiddenLayers,
        ["patch_size"] = PatchSize,
        ["projection_dim"] = projection,
    };
}
