using System.Text;
using Recipes.Core.Training;

namespace Recipes.Core.Data;

/// <summary>Reads the captions of training pictures, without native code.</summary>
public static class Captions
{
    private const int Listed = 10;

    /// <summary>One caption for each picture, in the pictures' order, without space around it.</summary>
    /// <param name="pictures">Paths of the pictures.</param>
    /// <param name="source">Where captions come from.</param>
    /// <exception cref="RecipesException">
    /// Pictures without a caption or with an empty one, all named at once; a metadata file that cannot be read.
    /// </exception>
    public static IReadOnlyList<string> Read(IReadOnlyList<string> pictures, CaptionSource source)
    {
        var metadata = new Dictionary<string, CaptionMetadata>();
        var found = pictures.Select(picture => source switch
        {
            CaptionSource.Metadata => MetadataOf(picture).Find(picture),
            CaptionSource.Beside beside => Beside(picture, beside),
            CaptionSource.Template template => template.Text.Replace(
                CaptionTemplates.Place, Words(picture), StringComparison.Ordinal),
            _ => Words(picture),
        }).Select(caption => caption?.Trim()).ToList();
        var missing = pictures.Where((_, index) => string.IsNullOrEmpty(found[index])).ToList();
        return missing.Count == 0 ? [.. found.OfType<string>()] : throw Missing(pictures, missing, source);

        CaptionMetadata MetadataOf(string picture)
        {
            var folder = Path.GetDirectoryName(Path.GetFullPath(picture)) ?? "";
            if (!metadata.TryGetValue(folder, out var read))
            {
                read = CaptionMetadata.Read(Path.Combine(folder, CaptionMetadata.FileName));
                metadata.Add(folder, read);
            }

            return read;
        }
    }

    /// <summary>The words of a picture's name: "red_robot-03.png" gives "red robot".</summary>
    public static string Words(string picture)
    {
        var words = Path.GetFileNameWithoutExtension(picture)
            .Split(['_', '-', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var count = words.Length > 1 && words[^1].All(char.IsAsciiDigit) ? words.Length - 1 : words.Length;
        return string.Join(' ', words.Take(count));
    }

    private static string? Beside(string picture, CaptionSource.Beside beside)
    {
        var path = beside.Extensions
            .Select(extension => Path.ChangeExtension(picture, extension))
            .FirstOrDefault(File.Exists);
        if (path is null)
        {
            return null;
        }

        try
        {
            return File.ReadAllText(path, Encoding.UTF8);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path,
                $"the caption cannot be read ({error.Message.TrimEnd('.')})",
                "Make the file readable.",
                error);
        }
    }

    private static RecipesException Missing(
        IReadOnlyList<string> pictures, IReadOnlyList<string> missing, CaptionSource source)
    {
        var names = string.Join(", ", missing.Take(Listed).Select(Path.GetFileName));
        var more = missing.Count > Listed ? $" and {missing.Count - Listed} more" : "";
        var (looked, cure) = source switch
        {
            CaptionSource.Beside beside => (
                $" (looked for {string.Join(", ", beside.Extensions)}{Others(missing, beside)})",
                "Write a text file beside each, name the extension that yours have, or caption by a template."),
            CaptionSource.Metadata => (
                $" in {CaptionMetadata.FileName}", "Add a line with file_name and text for each."),
            CaptionSource.Template => ("", "Write a template that is not empty."),
            _ => ("", "Give each file a name of words."),
        };
        return new RecipesException(
            Path.GetDirectoryName(missing[0]) is { Length: > 0 } folder ? folder : "Captions",
            $"{missing.Count} of {pictures.Count} pictures have no caption{looked}: {names}{more}",
            cure);
    }

    /// <summary>Text-like files of other extensions that lie beside the pictures, for the message.</summary>
    private static string Others(IReadOnlyList<string> missing, CaptionSource.Beside beside)
    {
        string[] usual = [".txt", ".caption", ".cap", ".tags"];
        var there = usual.Except(beside.Extensions)
            .Select(extension => (
                Extension: extension,
                Count: missing.Count(picture => File.Exists(Path.ChangeExtension(picture, extension)))))
            .Where(other => other.Count > 0)
            .Select(other => $"; {other.Count} {other.Extension} files lie there");
        return string.Concat(there);
    }
}
