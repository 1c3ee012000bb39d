using System.Text.RegularExpressions;

namespace Recipes.Core.Networks;

/// <summary>
/// Keys of files that spell a network's parameters in another way, put into the network's own spelling.
/// </summary>
public static partial class WeightKeys
{
    /// <summary>Text encoders: with text_model. in front, or without as newer transformers write them.</summary>
    /// <returns>The network's key, or null for one that holds no weights.</returns>
    public static string? ForText(string key)
    {
        if (IsPositions(key))
        {
            return null;
        }

        return key.StartsWith("text_model.", StringComparison.Ordinal)
            || key.StartsWith("text_projection.", StringComparison.Ordinal)
                ? key
                : "text_model." + key;
    }

    /// <summary>Whole CLIP models.</summary>
    /// <returns>The network's key, or null for one that holds no weights.</returns>
    public static string? ForClip(string key) => IsPositions(key) ? null : key;

    /// <summary>UNet and autoencoder: the attention's names of the first diffusers versions are accepted.</summary>
    public static string ForDiffusers(string key) =>
        OldAttention().Replace(key, match => match.Groups[1].Value switch
        {
            "query" => ".to_q.",
            "key" => ".to_k.",
            "value" => ".to_v.",
            _ => ".to_out.0.",
        });

    /// <summary>A buffer of old transformers versions: 0, 1, 2, ...</summary>
    private static bool IsPositions(string key) => key.EndsWith("embeddings.position_ids", StringComparison.Ordinal);

    [GeneratedRegex(@"\.(query|key|value|proj_attn)\.(?=weight$|bias$)")]
    private static partial Regex OldAttention();
}
