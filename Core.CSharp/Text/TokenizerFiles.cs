using System.Text.Json;

namespace Recipes.Core.Text;

/// <summary>Reads the files of a tokenizer folder; every fault is an error that names the file.</summary>
internal static class TokenizerFiles
{
    private const string Cure = "Copy the tokenizer folder again from where the model came from.";

    /// <summary>vocab.json: token to id. Ids need not be contiguous, but each belongs to one token.</summary>
    public static Dictionary<string, int> Vocabulary(string folder)
    {
        var path = Path.Combine(folder, "vocab.json");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var tokens = new Dictionary<int, string>();

        foreach (var member in ReadObject(path).EnumerateObject())
        {
            var token = member.Name;
            var id = Id(path, token, member.Value);

            if (!tokens.TryAdd(id, token))
            {
                throw new RecipesException(path, $"'{tokens[id]}' and '{token}' have the same id {id}", Cure);
            }

            ids.Add(token, id);
        }

        return ids.Count > 0 ? ids : throw new RecipesException(path, "the vocabulary is empty", Cure);
    }

    /// <summary>merges.txt: one pair a line, the most frequent first, after an optional #version line.</summary>
    public static Dictionary<(int Left, int Right), (int Rank, int Joined)> Merges(
        string folder, Dictionary<string, int> ids)
    {
        var path = Path.Combine(folder, "merges.txt");
        var lines = ReadText(path).Split('\n');
        var merges = new Dictionary<(int Left, int Right), (int Rank, int Joined)>();

        for (var i = 0; i < lines.Length; i++)
        {
            var line = lines[i].TrimEnd('\r');

            if (line.Length == 0 || (i == 0 && line.StartsWith("#version", StringComparison.Ordinal)))
            {
                continue;
            }

            var parts = line.Split(' ');

            if (parts.Length != 2 || parts.Contains(""))
            {
                throw new RecipesException(
                    path, $"line {i + 1} is '{line}', not two tokens with a space between", Cure);
            }

            var pair = (Find(parts[0]), Find(parts[1]));

            if (!merges.TryAdd(pair, (merges.Count, Find(parts[0] + parts[1]))))
            {
                throw new RecipesException(path, $"line {i + 1} repeats the pair '{line}'", Cure);
            }

            int Find(string token) => ids.TryGetValue(token, out var id)
                ? id
                : throw new RecipesException(
                    path, $"line {i + 1} is '{line}', but vocab.json has no '{token}'", Cure);
        }

        return merges;
    }

    /// <summary>The JSON object in a file, or null where the file may be missing and is.</summary>
    public static JsonElement? TryReadObject(string path) => File.Exists(path) ? ReadObject(path) : null;

    /// <summary>The id that a member gives a token.</summary>
    public static int Id(string path, string token, JsonElement value) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var id) && id >= 0
            ? id
            : throw new RecipesException(
                path, $"the id of '{token}' is {Show(value)}, not a whole number from 0", Cure);

    /// <summary>A value as the file writes it, cut to what a message can hold.</summary>
    public static string Show(JsonElement value)
    {
        var raw = value.GetRawText();
        return raw.Length <= 60 ? raw : raw[..60] + "...";
    }

    /// <summary>The text of a string value.</summary>
    public static string Text(string path, JsonElement value)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException error)
        {
            throw BadUnicode(path, error);
        }
    }

    private static JsonElement ReadObject(string path)
    {
        var text = ReadText(path);

        try
        {
            using var document = JsonDocument.Parse(
                text, new JsonDocumentOptions { AllowDuplicateProperties = false });

            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new RecipesException(
                    path, $"holds {Show(document.RootElement)} instead of a JSON object", Cure);
        }
        catch (JsonException error)
        {
            throw new RecipesException(path, $"not valid JSON ({error.Message.TrimEnd('.')})", Cure, error);
        }
        catch (InvalidOperationException error)
        {
            throw BadUnicode(path, error);
        }
    }

    // JSON may escape half a surrogate pair, which is found only when the string is decoded.
    private static RecipesException BadUnicode(string path, InvalidOperationException error) =>
        new(path, $"a string in it is not valid Unicode ({error.Message.TrimEnd('.')})", Cure, error);

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RecipesException(
                path,
                "no such file; a tokenizer folder holds vocab.json, merges.txt and tokenizer_config.json",
                Cure,
                error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path, $"the file cannot be read ({error.Message.TrimEnd('.')})", "Make the file readable.", error);
        }
    }
}
