namespace Recipes.Core.Networks.Blocks;

/// <summary>What the layers of a CLIP tower, text or image, are made by.</summary>
internal sealed record ClipShape(long Width, long Inner, long Layers, long Heads, double NormEps, string Activation)
{
    public static ClipShape Of(ClipTextConfig config) => new(
        config.HiddenSize,
        config.IntermediateSize,
        config.NumHiddenLayers,
        config.NumAttentionHeads,
        config.LayerNormEps,
        config.HiddenAct);

    public static ClipShape Of(ClipVisionConfig config) => new(
        config.HiddenSize,
        config.IntermediateSize,
        config.NumHiddenLayers,
        config.NumAttentionHeads,
        config.LayerNormEps,
        config.HiddenAct);

    public static void CheckHeads(string where, long width, long heads)
    {
        if (heads <= 0 || width <= 0 || width % heads != 0)
        {
            throw SettingsFile.Refusal(
                where, "num_attention_heads", $"{heads}", $"Give a divisor of hidden_size, {width}.");
        }
    }
}
