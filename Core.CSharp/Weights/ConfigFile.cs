using System.Text.Json;

namespace Recipes.Core.Weights;

/// <summary>A JSON object in a file, read with errors that name the file and the key.</summary>
internal sealed class ConfigFile
{
    // Far above any real setting, and low enough that products of two settings stay exact.
    private const int Most = 1_000_000;

    private readonly JsonElement root;

    private ConfigFile(string path, JsonElement root)
    {
        Path = path;
        this.root = root;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>The object's keys and values.</summary>
    public IEnumerable<JsonProperty> Properties => root.EnumerateObject();

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cure">What to do where it is missing or broken.</param>
    public static ConfigFile Read(string path, string cure)
    {
        try
        {
            var bytes = PythonJson.Read(path);
            CheckTexts(bytes);
            using var document = JsonDocument.Parse(bytes);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? new ConfigFile(path, document.RootElement.Clone())
                : throw new RecipesException(path, "it is not a JSON object", cure);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new RecipesException(path, "there is no such file", cure, e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new RecipesException(path, $"it is not valid JSON ({e.Message.TrimEnd('.')})", cure, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(path, $"it cannot be read ({e.Message.TrimEnd('.')})", cure, e);
        }
    }

    /// <summary>A whole number above 0; of a list, the first.</summary>
    public int Number(string key)
    {
        var found = Find(key);
        var value = found is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0 ? list[0] : found;
        return value is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var result)
            && result is > 0 and <= Most
            ? result
            : throw Bad(key, $"a whole number from 1 to {Most}");
    }

    /// <summary>The same, or another number where the key is absent.</summary>
    public int NumberOr(string key, int absent) =>
        Find(key) is null or { ValueKind: JsonValueKind.Null } ? absent : Number(key);

    /// <summary>The whole numbers of a list, or a number as a list of one; null where it is anything else.</summary>
    public IReadOnlyList<long>? Numbers(string key)
    {
        static long? Whole(JsonElement value) =>
            value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : null;
        var found = Find(key) switch
        {
            { ValueKind: JsonValueKind.Array } list => list.EnumerateArray().Select(Whole).ToList(),
            { } value => [Whole(value)],
            null => [],
        };
        return found.Count > 0 && found.All(number => number is not null) ? [.. found.Select(number => number!.Value)] : null;
    }

    /// <summary>How many elements a list has.</summary>
    public int Count(string key) =>
        Find(key) is { ValueKind: JsonValueKind.Array } list && list.GetArrayLength() > 0
            ? list.GetArrayLength()
            : throw Bad(key, "a list");

    /// <summary>A truth value; false where the key is absent.</summary>
    public bool Flag(string key) => Find(key)?.ValueKind switch
    {
        null or JsonValueKind.Null or JsonValueKind.False => false,
        JsonValueKind.True => true,
        _ => throw Bad(key, "true or false"),
    };

    /// <summary>A text, or null where the key is absent.</summary>
    public string? Text(string key) => Find(key)?.ValueKind switch
    {
        null or JsonValueKind.Null => null,
        JsonValueKind.String => Find(key)!.Value.GetString(),
        _ => throw Bad(key, "a text"),
    };

    /// <summary>A nested object's texts by key, or null where there is no such object.</summary>
    public IReadOnlyDictionary<string, string>? Texts(string key) =>
        Find(key) is { ValueKind: JsonValueKind.Object } nested
            ? nested.EnumerateObject()
                .Where(pair => pair.Value.ValueKind == JsonValueKind.String)
                .GroupBy(pair => pair.Name)
                .ToDictionary(group => group.Key, group => group.Last().Value.GetString()!)
            : null;

    /// <summary>Throws for texts that are no valid Unicode; a document does so only when they are asked for.</summary>
    private static void CheckTexts(byte[] json)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
            {
                reader.GetString();
            }
        }
    }

    private JsonElement? Find(string key) => root.TryGetProperty(key, out var value) ? value : null;

    private RecipesException Bad(string key, string wanted)
    {
        var found = Find(key) is { } value ? $"{key} is {value.GetRawText()}" : $"it has no {key}";
        return new RecipesException(
            Path,
            $"{(found.Length > 100 ? found[..100] + "…" : found)} where {wanted} is needed",
            "Restore the file as the model was published.");
    }
}
