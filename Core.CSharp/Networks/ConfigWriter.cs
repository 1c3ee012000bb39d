using System.Text.Json;
using System.Text.Json.Nodes;

namespace Recipes.Core.Networks;

/// <summary>Writes a config.json as the reference libraries do: two spaces of indent, a closing line feed.</summary>
internal static class ConfigWriter
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    public static void Write(string folder, JsonObject fields, string name = "config.json")
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, name), fields.ToJsonString(Indented) + "\n");
    }

    /// <summary>The fields of both, by name. The two are empty afterwards, as a node has but one parent.</summary>
    public static JsonObject Merged(JsonObject first, JsonObject second)
    {
        var fields = first.Concat(second).OrderBy(field => field.Key, StringComparer.Ordinal).ToList();
        first.Clear();
        second.Clear();
        return new JsonObject(fields);
    }

    /// <summary>A list of numbers, texts or flags as JSON.</summary>
    public static JsonArray List<T>(IEnumerable<T> values) => [.. values.Select(value => JsonValue.Create(value))];
}
