using System.IO.Compression;
using System.Text.Json;
using SkiaSharp;

namespace Recipes.Core.Pocket;

/// <summary>
/// Builds the icon pack from the source packages: one ZIP file of stored WebP pictures <c>style/hex.webp</c>
/// (colours lossy at quality 90, alpha lossless, 128x128) and <c>sources.json</c> with names, versions and hashes.
/// </summary>
public static class IconSet
{
    /// <summary>Pixels on a side of every icon.</summary>
    public const int Side = 128;

    private const int Quality = 90;
    private static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Joins the packages in <paramref name="folder"/> on the things' codes and writes the pack.</summary>
    /// <returns>Each thing with the label that emojibase gives its code, for a reader to check the nouns by.</returns>
    /// <exception cref="RecipesException">A package is absent or altered, or a thing lacks a picture or a label.</exception>
    public static IReadOnlyList<(Thing Thing, string Label)> Build(
        string folder, string path, IProgress<int>? progress = null)
    {
        var things = Things.All;
        var labels = ReadLabels(folder);
        IReadOnlyList<IReadOnlyDictionary<string, Func<SKBitmap>>> sets =
            [ReadIconify(SourcePackage.Cartoon, folder), ReadIconify(SourcePackage.Flat, folder), ReadWebp(folder)];
        var pictures = new byte[sets.Count * things.Count][];
        var done = 0;
        Parallel.For(0, pictures.Length, index =>
        {
            var (style, thing) = (index / things.Count, things[index % things.Count]);
            using var bitmap = Find(sets[style], thing, Styles.All[style])();
            pictures[index] = Encode(bitmap);
            progress?.Report(Interlocked.Increment(ref done));
        });
        var temporary = path + ".part";
        File.Delete(temporary);
        using (var zip = ZipFile.Open(temporary, ZipArchiveMode.Create))
        {
            for (var index = 0; index < pictures.Length; index++)
            {
                var name = $"{Styles.All[index / things.Count]}/{things[index % things.Count].Hex}.webp";
                Add(zip, name, pictures[index]);
            }

            Add(zip, "sources.json", JsonSerializer.SerializeToUtf8Bytes(SourcePackage.All));
        }

        File.Move(temporary, path, overwrite: true);
        return [.. things.Select(thing => (thing, Find(labels, thing, "emojibase")))];
    }

    private static T Find<T>(IReadOnlyDictionary<string, T> set, Thing thing, string name) =>
        set.TryGetValue(thing.Hex, out var found)
            ? found
            : throw new RecipesException(
                "things.tsv", $"the set '{name}' has nothing for {thing.Hex} ({thing.Noun})",
                "Take the line out, or choose another code.");

    private static void Add(ZipArchive zip, string name, byte[] bytes)
    {
        var entry = zip.CreateEntry(name, CompressionLevel.NoCompression);
        entry.LastWriteTime = Epoch;
        using var stream = entry.Open();
        stream.Write(bytes);
    }

    private static byte[] Encode(SKBitmap bitmap)
    {
        using var pixels = bitmap.PeekPixels();
        using var data = pixels.Encode(new SKWebpEncoderOptions(SKWebpEncoderCompression.Lossy, Quality))
            ?? throw new InvalidOperationException("SkiaSharp cannot write WebP");
        return data.ToArray();
    }

    // Iconify: chars.json maps a code to a name, icons.json a name (or an alias of it) to the inside of an SVG document.
    private static Dictionary<string, Func<SKBitmap>> ReadIconify(SourcePackage package, string folder)
    {
        var files = package.Read(folder, name => name is "package/icons.json" or "package/chars.json");
        using var set = JsonDocument.Parse(files["package/icons.json"]);
        using var codes = JsonDocument.Parse(files["package/chars.json"]);
        var root = set.RootElement;
        var icons = root.GetProperty("icons");
        var pictures = new Dictionary<string, Func<SKBitmap>>();
        foreach (var code in codes.RootElement.EnumerateObject())
        {
            var name = code.Value.GetString()!;
            while (root.TryGetProperty("aliases", out var aliases) && aliases.TryGetProperty(name, out var alias))
            {
                name = alias.GetProperty("parent").GetString()!;
            }

            var icon = icons.GetProperty(name);
            var (width, height) = (Extent(icon, root, "width"), Extent(icon, root, "height"));
            var body = icon.GetProperty("body").GetString();
            var svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" "
                + $"viewBox=\"0 0 {width} {height}\">{body}</svg>";
            pictures[Key(code.Name)] = () => Decode(SvgRenderer.Render(svg, Side, $"{package.Name} {name}"), name);
        }

        return pictures;
    }

    private static int Extent(JsonElement icon, JsonElement set, string key) =>
        icon.TryGetProperty(key, out var own) ? own.GetInt32()
        : set.TryGetProperty(key, out var common) ? common.GetInt32()
        : 16;

    private static Dictionary<string, Func<SKBitmap>> ReadWebp(string folder)
    {
        var files = SourcePackage.ThreeD.Read(folder, name => name.EndsWith(".webp", StringComparison.Ordinal));
        var pictures = new Dictionary<string, Func<SKBitmap>>();
        foreach (var (name, webp) in files)
        {
            // A few codes are there with and without fe0f: the same picture twice.
            pictures.TryAdd(Key(Path.GetFileNameWithoutExtension(name)), () => Scale(webp, name));
        }

        return pictures;
    }

    // Linear sampling at half the size is the mean of each 2x2 square.
    private static SKBitmap Scale(byte[] webp, string name)
    {
        using var full = Decode(webp, name);
        return full.Resize(new SKImageInfo(Side, Side), new SKSamplingOptions(SKFilterMode.Linear));
    }

    private static SKBitmap Decode(byte[] bytes, string name) =>
        SKBitmap.Decode(bytes)
        ?? throw new RecipesException(name, "the picture cannot be decoded", "Check that the package is the pinned one.");

    private static Dictionary<string, string> ReadLabels(string folder)
    {
        const string name = "package/en/data.json";
        using var table = JsonDocument.Parse(SourcePackage.Labels.Read(folder, file => file == name)[name]);
        return table.RootElement.EnumerateArray().ToDictionary(
            entry => Key(entry.GetProperty("hexcode").GetString()!),
            entry => entry.GetProperty("label").GetString()!);
    }

    private static string Key(string code) =>
        string.Join('-', code.ToLowerInvariant().Split('-').Where(part => part != "fe0f"));
}
