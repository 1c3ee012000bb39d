using Recipes.Core.Networks;

namespace Recipes.Core.Weights.Original;

/// <summary>The config of a text encoder from its keys and shapes.</summary>
internal static class TextShape
{
    private const long Vocabulary = 49408;
    private const long HeadSize = 64;
    private const long SmallHeadSize = 8;

    /// <summary>A CLIP encoder under transformers' names; their prefix ends in a dot.</summary>
    public static ClipTextConfig Clip(CheckpointHeader header, string prefix)
    {
        var tokens = header.Shape(2, $"{prefix}embeddings.token_embedding.weight");
        return Common(header, tokens) with
        {
            MaxPositionEmbeddings = header.Shape(2, $"{prefix}embeddings.position_embedding.weight")[0],
            NumHiddenLayers = header.Count($"{prefix}encoder.layers."),
            IntermediateSize = header.Shape(2, $"{prefix}encoder.layers.0.mlp.fc1.weight")[0],
            HiddenAct = "quick_gelu",
        };
    }

    /// <summary>An OpenCLIP encoder.</summary>
    /// <param name="header">The checkpoint.</param>
    /// <param name="prefix">What stands before its keys.</param>
    /// <param name="projected">Whether the model uses its projection (SDXL), and with it all its layers.</param>
    public static ClipTextConfig OpenClip(CheckpointHeader header, string prefix, bool projected)
    {
        var tokens = header.Shape(2, $"{prefix}token_embedding.weight");
        var layers = header.Count($"{prefix}transformer.resblocks.");
        return Common(header, tokens) with
        {
            MaxPositionEmbeddings = header.Shape(2, $"{prefix}positional_embedding")[0],
            NumHiddenLayers = layers - (DropsLast(header, prefix, projected) ? 1 : 0),
            IntermediateSize = header.Shape(2, $"{prefix}transformer.resblocks.0.mlp.c_fc.weight")[0],
            HiddenAct = "gelu",
            ProjectionDim = projected ? header.Shape(2, $"{prefix}text_projection")[1] : null,
        };
    }

    /// <summary>
    /// Stable Diffusion 2 looks at the states before the last layer, which its diffusers folders leave out. A file
    /// made of such a folder lacks that layer already, and the projection behind it.
    /// </summary>
    public static bool DropsLast(CheckpointHeader header, string prefix, bool projected) =>
        !projected && header.Has($"{prefix}text_projection");

    private static ClipTextConfig Common(CheckpointHeader header, long[] tokens)
    {
        var (vocabulary, width) = (tokens[0], tokens[1]);
        // Embeddings that were learnt later follow the two special tokens of the full vocabulary.
        var end = Math.Min(vocabulary, Vocabulary) - 1;
        return new ClipTextConfig
        {
            Where = header.Path,
            VocabSize = vocabulary,
            HiddenSize = width,
            NumAttentionHeads = width % HeadSize == 0
                ? width / HeadSize
                : width / UNetShape.Divisor(SmallHeadSize, [width]),
            BosTokenId = end - 1,
            EosTokenId = end,
            PadTokenId = end,
        };
    }
}
