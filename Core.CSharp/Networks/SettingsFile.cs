using System.Text.Json;
using System.Text.Json.Nodes;

namespace Recipes.Core.Networks;

/// <summary>
/// A config.json, read field by field. Every fault names the field and the value found; a field that nobody asked
/// for is reported by <see cref="Finish"/>.
/// </summary>
internal sealed class SettingsFile
{
    /// <summary>No width, count or vocabulary of a network comes near it.</summary>
    private const long MostOfAnything = 100_000_000;

    private readonly JsonObject fields;
    private readonly HashSet<string> known = [];

    private SettingsFile(string path, JsonObject fields)
    {
        Path = path;
        this.fields = fields;
    }

    /// <summary>The file, or for a nested object the file and the field it lies in.</summary>
    public string Path { get; }

    /// <summary>Reads a JSON file, or <paramref name="name"/> in a folder.</summary>
    public static SettingsFile Read(string path, string name = "config.json")
    {
        var file = Directory.Exists(path) ? System.IO.Path.Combine(path, name) : path;
        Weights.ConfigFile.Read(file, "Give the folder of a model in diffusers layout.");
        var fields = JsonNode.Parse(Weights.PythonJson.Read(file))!.AsObject();
        try
        {
            // Doubled fields are found when the object is first looked into.
            _ = fields.Count;
            return new SettingsFile(file, fields);
        }
        catch (ArgumentException exception)
        {
            throw new RecipesException(
                file,
                "a field stands in it twice",
                "Download the model's files again.",
                exception);
        }
    }

    /// <summary>The error for a value that cannot be used.</summary>
    public static RecipesException Refusal(string where, string field, string value, string cure) =>
        new(where, $"\"{field}\" is {value}, which is not supported", cure);

    /// <summary>Whether the field is there and not null.</summary>
    public bool Has(string field)
    {
        known.Add(field);
        return fields[field] is not null;
    }

    /// <summary>Whether the field is an object.</summary>
    public bool IsObject(string field) => Has(field) && fields[field] is JsonObject;

    /// <summary>Whether the field is a list.</summary>
    public bool IsList(string field) => Has(field) && fields[field] is JsonArray;

    /// <summary>Whether the field is a list without null in it.</summary>
    public bool IsFilled(string field) => IsList(field) && fields[field]!.AsArray().All(item => item is not null);

    public long Integer(string field, long missing) => Has(field) ? Value<long>(fields[field]!, field) : missing;

    /// <summary>A count or a size: 1 or more, and few enough to be one.</summary>
    public long Count(string field, long missing) => Bounded(field, Integer(field, missing), 1);

    /// <summary>A place in a list: 0 or more.</summary>
    public long Index(string field, long missing) => Bounded(field, Integer(field, missing), 0);

    /// <summary>The field of counts, none of which may be 0.</summary>
    public T[] Counts<T>(string field, T[] values)
        where T : System.Numerics.INumber<T>
    {
        foreach (var value in values)
        {
            if (value < T.One || value > T.CreateChecked(MostOfAnything))
            {
                throw Refusal(Path, field, Shown(field), $"Give whole numbers from 1 to {MostOfAnything}.");
            }
        }

        return values;
    }

    /// <summary>A number that is not negative.</summary>
    public double Size(string field, double missing) =>
        Number(field, missing) is var value && value >= 0 && double.IsFinite(value)
            ? value
            : throw Refusal(Path, field, Shown(field), "Give a number from 0 up.");

    public double Number(string field, double missing) => Has(field) ? Value<double>(fields[field]!, field) : missing;

    public bool Flag(string field, bool missing) => Has(field) ? Value<bool>(fields[field]!, field) : missing;

    public string Text(string field, string missing) => Has(field) ? Value<string>(fields[field]!, field) : missing;

    public long? Integer(string field) => Has(field) ? Value<long>(fields[field]!, field) : null;

    public double? Number(string field) => Has(field) ? Value<double>(fields[field]!, field) : null;

    /// <summary>A list, or one value for all <paramref name="count"/> levels.</summary>
    public T[] PerLevel<T>(string field, long count, T missing)
    {
        if (!Has(field))
        {
            return [.. Enumerable.Repeat(missing, (int)count)];
        }

        if (fields[field] is not JsonArray)
        {
            return [.. Enumerable.Repeat(Value<T>(fields[field]!, field), (int)count)];
        }

        var values = List<T>(field, []);
        return values.Length == count
            ? values
            : throw Refusal(Path, field, Shown(field), $"Give {count} values, one for each of block_out_channels.");
    }

    public T[] List<T>(string field, T[] missing)
    {
        if (!Has(field))
        {
            return missing;
        }

        return fields[field] is JsonArray items
            ? [.. items.Select(item => Value<T>(item ?? throw Wrong(field, "a list without null"), field))]
            : throw Wrong(field, "a list");
    }

    /// <summary>An object in this one.</summary>
    public SettingsFile Object(string field) =>
        Has(field) && fields[field] is JsonObject inner
            ? new SettingsFile($"{Path} ({field})", inner)
            : throw new RecipesException(
                Path,
                $"\"{field}\" is missing or not an object",
                "Download the model's files again.");

    /// <summary>Refuses a value of a field that this program reads but can use one or a few values of only.</summary>
    public void Only(string field, params object?[] allowed)
    {
        known.Add(field);
        if (fields.ContainsKey(field) && !allowed.Any(value => Same(fields[field], value)))
        {
            var values = allowed.Select(value => JsonSerializer.Serialize(value)).Distinct();
            var cure = $"Use a model whose \"{field}\" is {string.Join(" or ", values)}.";
            throw Refusal(Path, field, Shown(field), cure);
        }
    }

    /// <summary>Takes a field into account that changes nothing here.</summary>
    public void Ignore(params string[] names) => known.UnionWith(names);

    /// <summary>
    /// Refuses fields nobody asked for, unless they are off (null or false) or a note (a name from _).
    /// </summary>
    public void Finish()
    {
        foreach (var (field, value) in fields)
        {
            if (!known.Contains(field) && !field.StartsWith('_') && value is not null && !Same(value, false))
            {
                throw new RecipesException(
                    Path,
                    $"the field \"{field}\" (value {Shown(field)}) is not known",
                    "Remove it if the model works without it.");
            }
        }
    }

    /// <summary>The field's value as it stands in the file.</summary>
    public string Shown(string field) => fields[field]?.ToJsonString() ?? "null";

    private static bool Same(JsonNode? node, object? value) =>
        JsonNode.DeepEquals(node, value is null ? null : JsonSerializer.SerializeToNode(value))
        || (node is JsonValue number && value is int or double && number.TryGetValue<double>(out var found)
            && found == Convert.ToDouble(value));

    private long Bounded(string field, long value, long least) =>
        value >= least && value <= MostOfAnything
            ? value
            : throw Refusal(Path, field, Shown(field), $"Give a whole number from {least} to {MostOfAnything}.");

    private RecipesException Wrong(string field, string expected) =>
        new(Path, $"\"{field}\" is {Shown(field)}, not {expected}", "Download the model's files again.");

    private T Value<T>(JsonNode node, string field)
    {
        if (node is JsonValue value && value.TryGetValue<T>(out var found))
        {
            return found;
        }

        if (typeof(T) == typeof(long) && node is JsonValue real && real.TryGetValue<double>(out var whole)
            && Math.Abs(whole) < 1e15 && whole == Math.Floor(whole))
        {
            return (T)(object)(long)whole;
        }

        var expected = typeof(T) == typeof(bool) ? "true or false" : typeof(T) == typeof(string) ? "a text" : "a number";
        throw Wrong(field, expected);
    }
}
