using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Recipes.Core.Text;

/// <summary>
/// Writes a tokenizer folder as transformers does, for <see cref="ClipTokenizer.Load"/> and other programs.
/// </summary>
internal static class TokenizerWriter
{
    private static readonly JsonSerializerOptions Compact =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonSerializerOptions Indented =
        new(Compact) { WriteIndented = true, NewLine = "\n" };

    /// <summary>What the files hold.</summary>
    /// <param name="Ids">Token to id, added tokens included.</param>
    /// <param name="Merges">Pairs of tokens, the most frequent first.</param>
    /// <param name="Added">Added tokens to their ids.</param>
    /// <param name="Special">bos_token, eos_token, pad_token and unk_token.</param>
    /// <param name="MaxLength">Ids a prompt is cut to.</param>
    internal sealed record Contents(
        IReadOnlyDictionary<string, int> Ids,
        IEnumerable<(string Left, string Right)> Merges,
        IReadOnlyDictionary<string, int> Added,
        IReadOnlyList<(string Role, string Token)> Special,
        int MaxLength);

    /// <summary>
    /// Writes vocab.json, merges.txt, tokenizer_config.json, special_tokens_map.json and, where there are such tokens,
    /// added_tokens.json.
    /// </summary>
    public static void Write(string folder, Contents contents)
    {
        Directory.CreateDirectory(folder);
        var own = contents.Ids.Where(pair => !contents.Added.ContainsKey(pair.Key)).OrderBy(pair => pair.Value);
        Save(folder, "vocab.json", Object(own.Select(pair => (pair.Key, (JsonNode)pair.Value))), Compact);
        var merges = new StringBuilder("#version: 0.2\n");
        foreach (var (left, right) in contents.Merges)
        {
            merges.Append(left).Append(' ').Append(right).Append('\n');
        }

        File.WriteAllText(Path.Combine(folder, "merges.txt"), merges.ToString());
        var special = contents.Special.Select(pair => (pair.Role, (JsonNode)pair.Token)).ToList();
        Save(folder, "special_tokens_map.json", Object(special), Indented);
        Save(
            folder,
            "tokenizer_config.json",
            Object([
                .. contents.Special.Select(pair => (pair.Role, (JsonNode)pair.Token)),
                ("do_lower_case", true),
                ("model_max_length", contents.MaxLength),
                ("tokenizer_class", "CLIPTokenizer"),
            ]),
            Indented);
        if (contents.Added.Count > 0)
        {
            var added = contents.Added.OrderBy(pair => pair.Value).Select(pair => (pair.Key, (JsonNode)pair.Value));
            Save(folder, "added_tokens.json", Object(added), Indented);
        }
    }

    private static JsonObject Object(IEnumerable<(string Key, JsonNode Value)> fields) =>
        new(fields.Select(field => new KeyValuePair<string, JsonNode?>(field.Key, field.Value)));

    private static void Save(string folder, string name, JsonObject fields, JsonSerializerOptions options) =>
        File.WriteAllText(Path.Combine(folder, name), fields.ToJsonString(options) + "\n");
}
