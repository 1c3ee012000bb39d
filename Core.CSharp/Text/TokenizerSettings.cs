using System.Globalization;
using System.Text.Json;

namespace Recipes.Core.Text;

/// <summary>
/// tokenizer_config.json with special_tokens_map.json and added_tokens.json. As in transformers, the latter two count
/// only when the first has no added_tokens_decoder, and special_tokens_map.json then wins.
/// </summary>
internal sealed record TokenizerSettings(
    int MaxLength, string Bos, string Eos, string Pad, string Unknown, IReadOnlyList<AddedToken> Added)
{
    private const int UsualLength = 77;

    // Files without a limit say 1e30 here.
    private const double LongestLength = 65536;

    /// <summary>The settings of a folder; only tokenizer_config.json must be there.</summary>
    public static TokenizerSettings Read(string folder)
    {
        var path = Path.Combine(folder, "tokenizer_config.json");
        var config = TokenizerFiles.TryReadObject(path)
            ?? throw new RecipesException(
                path,
                "no such file; a tokenizer folder holds vocab.json, merges.txt and tokenizer_config.json",
                "Copy the tokenizer folder again from where the model came from.");
        var mapPath = Path.Combine(folder, "special_tokens_map.json");
        var decoder = config.TryGetProperty("added_tokens_decoder", out var found) ? found : (JsonElement?)null;
        var map = decoder is null ? TokenizerFiles.TryReadObject(mapPath) : null;

        return new TokenizerSettings(
            Length(path, config),
            Name("bos_token") ?? "<|startoftext|>",
            Name("eos_token") ?? "<|endoftext|>",
            Name("pad_token") ?? "<|endoftext|>",
            Name("unk_token") ?? "<|endoftext|>",
            decoder is { } entries ? Decoder(path, entries) : AddedFile(Path.Combine(folder, "added_tokens.json")));

        string? Name(string key) =>
            (map is { } m ? Token(mapPath, m, key) : null) ?? Token(path, config, key);
    }

    private static int Length(string path, JsonElement config)
    {
        if (!config.TryGetProperty("model_max_length", out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return UsualLength;
        }

        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out var length) || length < 2
            || (length <= LongestLength && length != Math.Floor(length)))
        {
            throw new RecipesException(
                path,
                $"model_max_length is {TokenizerFiles.Show(value)}, not a whole number from 2",
                $"Write {UsualLength}, CLIP's length.");
        }

        return length > LongestLength ? UsualLength : (int)length;
    }

    // Either the token itself or an object with its content.
    private static string? Token(string path, JsonElement config, string key)
    {
        if (!config.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var content))
        {
            value = content;
        }

        return value.ValueKind == JsonValueKind.String && TokenizerFiles.Text(path, value) is var token
            && !string.IsNullOrWhiteSpace(token)
            ? token
            : throw new RecipesException(
                path,
                $"{key} is {TokenizerFiles.Show(value)}, neither a token nor an object with its content",
                $"Write the token, or leave {key} out.");
    }

    private static List<AddedToken> Decoder(string path, JsonElement entries)
    {
        if (entries.ValueKind != JsonValueKind.Object)
        {
            throw new RecipesException(
                path, "added_tokens_decoder is no object", "Leave it out, or write { id: { \"content\": token } }.");
        }

        var added = new List<AddedToken>();

        foreach (var member in entries.EnumerateObject())
        {
            var value = member.Value;

            if (!int.TryParse(member.Name, NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                || value.ValueKind != JsonValueKind.Object || Token(path, value, "content") is not { } token)
            {
                throw new RecipesException(
                    path,
                    $"added_tokens_decoder has a wrong entry '{member.Name}'",
                    "Write { id: { \"content\": token } }.");
            }

            var isSpecial = value.TryGetProperty("special", out var special) && special.ValueKind == JsonValueKind.True;
            added.Add(new AddedToken(token, id, isSpecial));
        }

        return added;
    }

    private static List<AddedToken> AddedFile(string path)
    {
        var added = new List<AddedToken>();

        if (TokenizerFiles.TryReadObject(path) is not { } entries)
        {
            return added;
        }

        foreach (var member in entries.EnumerateObject())
        {
            if (string.IsNullOrWhiteSpace(member.Name))
            {
                throw new RecipesException(path, $"the token '{member.Name}' is empty", "Take it out.");
            }

            added.Add(new AddedToken(member.Name, TokenizerFiles.Id(path, member.Name, member.Value), Special: false));
        }

        return added;
    }
}
