using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Recipes.Core.Pocket;

/// <summary>One npm package, such as those of the icons and their names, pinned by the hash of its tarball.</summary>
/// <param name="Name">The package's name in the registry.</param>
/// <param name="Version">Its exact version.</param>
/// <param name="FileName">The tarball's name, as <c>npm pack</c> writes it.</param>
/// <param name="Sha256">The tarball's SHA-256, lower-case hex.</param>
/// <param name="Licence">SPDX identifier of the licence of its pictures (or of its text).</param>
/// <param name="Author">Whom to name.</param>
public sealed record SourcePackage(
    string Name, string Version, string FileName, string Sha256, string Licence, string Author)
{
    /// <summary>Noto Emoji, the style "cartoon": SVG bodies in one JSON file.</summary>
    public static SourcePackage Cartoon { get; } = new(
        "@iconify-json/noto", "1.2.9", "iconify-json-noto-1.2.9.tgz",
        "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad", "Apache-2.0", "Google Inc");

    /// <summary>Fluent Emoji Flat, the style "flat": SVG bodies in one JSON file.</summary>
    public static SourcePackage Flat { get; } = new(
        "@iconify-json/fluent-emoji-flat", "1.2.6", "iconify-json-fluent-emoji-flat-1.2.6.tgz",
        "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175", "MIT", "Microsoft Corporation");

    /// <summary>Fluent Emoji 3D, the style "3d": WebP pictures of 256 px.</summary>
    public static SourcePackage ThreeD { get; } = new(
        "@lobehub/fluent-emoji-3d", "1.1.0", "lobehub-fluent-emoji-3d-1.1.0.tgz",
        "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58", "MIT", "Microsoft Corporation, LobeHub");

    /// <summary>Emojibase: the label of every code point sequence.</summary>
    public static SourcePackage Labels { get; } = new(
        "emojibase-data", "17.0.0", "emojibase-data-17.0.0.tgz",
        "d01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a", "MIT", "Miles Johnson");

    /// <summary>The four packages of the icons, in the order above.</summary>
    public static IReadOnlyList<SourcePackage> All { get; } = [Cartoon, Flat, ThreeD, Labels];

    /// <summary>
    /// The files of the tarball that <paramref name="wanted"/> accepts, by their path inside it
    /// (<c>package/...</c>). The whole tarball's hash is checked first.
    /// </summary>
    /// <exception cref="RecipesException">The tarball is absent from the folder, or has another hash.</exception>
    public IReadOnlyDictionary<string, byte[]> Read(string folder, Func<string, bool> wanted)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
        {
            throw new RecipesException(path, "the package is not there", $"Run `npm pack {Name}@{Version}` in {folder}.");
        }

        var tarball = File.ReadAllBytes(path);
        var hash = Convert.ToHexStringLower(SHA256.HashData(tarball));
        if (hash != Sha256)
        {
            throw new RecipesException(
                path, $"its SHA-256 is {hash} where {Sha256} is pinned",
                $"Delete it and run `npm pack {Name}@{Version}` again.");
        }

        var files = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        using var unzipped = new GZipStream(new MemoryStream(tarball), CompressionMode.Decompress);
        using var tar = new TarReader(unzipped);
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.DataStream is { } data && wanted(entry.Name))
            {
                using var bytes = new MemoryStream();
                data.CopyTo(bytes);
                files[entry.Name] = bytes.ToArray();
            }
        }

        return files;
    }
}
