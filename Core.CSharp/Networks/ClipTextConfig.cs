using System.Text.Json.Nodes;
using Recipes.Core.Networks.Blocks;

namespace Recipes.Core.Networks;

/// <summary>The shape of a CLIP text tower: the fields of a transformers CLIPTextModel config.json.</summary>
public sealed record ClipTextConfig
{
    /// <summary>Where it was read from, for messages.</summary>
    public string Where { get; init; } = nameof(ClipTextConfig);

    /// <summary>Tokens in the vocabulary.</summary>
    public long VocabSize { get; init; } = 49408;

    public long HiddenSize { get; init; } = 768;

    public long IntermediateSize { get; init; } = 3072;

    public long NumHiddenLayers { get; init; } = 12;

    public long NumAttentionHeads { get; init; } = 12;

    /// <summary>The longest sequence.</summary>
    public long MaxPositionEmbeddings { get; init; } = 77;

    /// <summary>"quick_gelu" or "gelu".</summary>
    public string HiddenAct { get; init; } = "quick_gelu";

    public double LayerNormEps { get; init; } = 1e-5;

    public long BosTokenId { get; init; } = 49406;

    /// <summary>
    /// The token whose state is the pooled one. 2 stands for the highest id of the sequence, as in the first
    /// published configs.
    /// </summary>
    public long EosTokenId { get; init; } = 49407;

    public long PadTokenId { get; init; } = 49407;

    /// <summary>Width of the projected pooled state, in a model with a projection of its own; null without.</summary>
    public long? ProjectionDim { get; init; }

    /// <summary>Reads config.json, or the one in a folder.</summary>
    /// <exception cref="RecipesException">A field has a value that is not supported; it is named.</exception>
    public static ClipTextConfig Read(string path)
    {
        var file = SettingsFile.Read(path);
        var names = file.List("architectures", ["CLIPTextModel"]);
        if (names is not [("CLIPTextModel" or "CLIPTextModelWithProjection") and var name])
        {
            throw SettingsFile.Refusal(
                file.Path, "architectures", file.Shown("architectures"), "Use a CLIP text encoder.");
        }

        var config = Read(file);
        return name == "CLIPTextModel" ? config with { ProjectionDim = null } : config;
    }

    /// <summary>Writes config.json into a folder, in the layout <see cref="Read(string)"/> reads.</summary>
    public void Write(string folder)
    {
        var fields = ToJson();
        var name = ProjectionDim is null ? "CLIPTextModel" : "CLIPTextModelWithProjection";
        fields["architectures"] = new JsonArray(name);
        ConfigWriter.Write(folder, fields);
    }

    internal static ClipTextConfig Read(SettingsFile file)
    {
        file.Only("hidden_act", "quick_gelu", "gelu");
        var config = new ClipTextConfig
        {
            Where = file.Path,
            VocabSize = file.Count("vocab_size", 49408),
            HiddenSize = file.Count("hidden_size", 512),
            IntermediateSize = file.Count("intermediate_size", 2048),
            NumHiddenLayers = file.Count("num_hidden_layers", 12),
            NumAttentionHeads = file.Count("num_attention_heads", 8),
            MaxPositionEmbeddings = file.Count("max_position_embeddings", 77),
            HiddenAct = file.Text("hidden_act", "quick_gelu"),
            LayerNormEps = file.Size("layer_norm_eps", 1e-5),
            BosTokenId = file.Index("bos_token_id", 49406),
            EosTokenId = file.Index("eos_token_id", 49407),
            PadTokenId = file.Index("pad_token_id", 1),
            ProjectionDim = file.Count("projection_dim", 512),
        };
        ClipShape.CheckHeads(config.Where, config.HiddenSize, config.NumAttentionHeads);
        return config;
    }

    internal JsonObject ToJson() => new()
    {
        ["attention_dropout"] = 0.0,
        ["bos_token_id"] = BosTokenId,
        ["eos_token_id"] = EosTokenId,
        ["hidden_act"] = HiddenAct,
        ["hidden_size"] = HiddenSize,
        ["intermediate_size"] = IntermediateSize,
        ["layer_norm_eps"] = LayerNormEps,
        ["max_position_embeddings"] = MaxPositionEmbeddings,
        ["model_type"] = "clip_text_model",
        ["num_attention_heads"] = NumAttentionHeads,
        ["num_hidden_layers"] = NumHiddenLayers,
        ["pad_token_id"] = PadTokenId,
        ["projection_dim"] = ProjectionDim ?? HiddenSize,
        ["vocab_size"] = VocabSize,
    };
}
