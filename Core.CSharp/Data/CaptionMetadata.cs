using System.Text.Json;

namespace Recipes.Core.Data;

/// <summary>
/// Captions out of metadata.jsonl, as Hugging Face's image folders have it: a line for each picture, a JSON object
/// with file_name (relative to the file, with / between folders) and text.
/// </summary>
internal sealed class CaptionMetadata
{
    /// <summary>The file's name.</summary>
    public const string FileName = "metadata.jsonl";

    private readonly string folder;
    private readonly Dictionary<string, string> captions = new(StringComparer.Ordinal);

    private CaptionMetadata(string folder) => this.folder = folder;

    /// <summary>Reads the whole file; lines of white space are passed over.</summary>
    /// <exception cref="RecipesException">
    /// It is missing or unreadable, or a line is no such object or names a picture again.
    /// </exception>
    public static CaptionMetadata Read(string path)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path,
                File.Exists(path) ? $"it cannot be read ({error.Message.TrimEnd('.')})" : "no such file",
                "Write one with file_name and text a line, or take captions from elsewhere.",
                error);
        }

        var metadata = new CaptionMetadata(Path.GetDirectoryName(Path.GetFullPath(path)) ?? "");
        for (var number = 0; number < lines.Length; number++)
        {
            if (lines[number].Trim() is { Length: > 0 } line)
            {
                var (name, text) = Parse($"{path}, line {number + 1}", line);
                if (!metadata.captions.TryAdd(name, text))
                {
                    throw new RecipesException(
                        $"{path}, line {number + 1}",
                        $"{name} has a caption already",
                        "Keep one of the lines.");
                }
            }
        }

        return metadata;
    }

    /// <summary>The caption of a picture in or below the file's folder; null where there is none.</summary>
    public string? Find(string picture) =>
        captions.GetValueOrDefault(Path.GetRelativePath(folder, picture).Replace('\\', '/'));

    private static (string Name, string Text) Parse(string where, string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return (Value("file_name").Replace('\\', '/'), Value("text"));

            string Value(string key) =>
                json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty(key, out var value)
                && value.GetString() is { } text
                    ? text
                    : throw new RecipesException(
                        where, $"there is no {key}", "Write {\"file_name\": \"a.png\", \"text\": \"a caption\"}.");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new RecipesException(
                where,
                $"it is no JSON object with texts ({error.Message.TrimEnd('.')})",
                "Write {\"file_name\": \"a.png\", \"text\": \"a caption\"}.",
                error);
        }
    }
}
