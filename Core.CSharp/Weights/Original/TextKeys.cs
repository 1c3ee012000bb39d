using Recipes.Core.Networks;

namespace Recipes.Core.Weights.Original;

/// <summary>
/// The keys of CLIP text encoders: transformers' own names in Stable Diffusion 1 and SDXL's first encoder, OpenCLIP's
/// in Stable Diffusion 2 and SDXL's second, with query, key and value in one map and the projection transposed.
/// </summary>
internal static class TextKeys
{
    private static readonly (string, string)[] Layer =
    [
        ("layer_norm1", "ln_1"),
        ("layer_norm2", "ln_2"),
        ("mlp.fc1", "mlp.c_fc"),
        ("mlp.fc2", "mlp.c_proj"),
        ("self_attn.out_proj", "attn.out_proj"),
    ];

    private static readonly (string, Arrangement)[] Joint =
    [
        ("q_proj", Arrangement.FirstThird),
        ("k_proj", Arrangement.SecondThird),
        ("v_proj", Arrangement.LastThird),
    ];

    /// <summary>Every key of a CLIP-L encoder.</summary>
    /// <param name="config">Its shape.</param>
    /// <param name="prefix">
    /// What stands before the keys in the file in place of the network's own <c>text_model.</c>, which the prefix
    /// itself mostly ends in.
    /// </param>
    public static IReadOnlyList<KeyRow> Clip(ClipTextConfig config, string prefix)
    {
        var table = new KeyTable(prefix);
        void Both(string name) => table.Both($"text_model.{name}", name);
        table.Weight("text_model.embeddings.token_embedding", "embeddings.token_embedding");
        table.Weight("text_model.embeddings.position_embedding", "embeddings.position_embedding");
        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            var block = $"encoder.layers.{layer}";
            foreach (var (name, _) in Layer)
            {
                Both($"{block}.{name}");
            }

            foreach (var (name, _) in Joint)
            {
                Both($"{block}.self_attn.{name}");
            }
        }

        Both("final_layer_norm");
        return table.Rows;
    }

    /// <summary>Every key of an OpenCLIP encoder.</summary>
    /// <param name="config">Its shape.</param>
    /// <param name="prefix">What stands before the keys in the file.</param>
    public static IReadOnlyList<KeyRow> OpenClip(ClipTextConfig config, string prefix)
    {
        var table = new KeyTable(prefix);
        table.Weight("text_model.embeddings.token_embedding", "token_embedding");
        table.Add("text_model.embeddings.position_embedding.weight", "positional_embedding");
        for (var layer = 0; layer < config.NumHiddenLayers; layer++)
        {
            var (here, there) = ($"text_model.encoder.layers.{layer}", $"transformer.resblocks.{layer}");
            table.Both(here, there, Layer);
            foreach (var (name, third) in Joint)
            {
                table.Add($"{here}.self_attn.{name}.weight", $"{there}.attn.in_proj_weight", third);
                table.Add($"{here}.self_attn.{name}.bias", $"{there}.attn.in_proj_bias", third);
            }
        }

        table.Both("text_model.final_layer_norm", "ln_final");
        if (config.ProjectionDim is not null)
        {
            table.Add("text_projection.weight", "text_projection", Arrangement.Transposed);
        }

        return table.Rows;
    }
}
