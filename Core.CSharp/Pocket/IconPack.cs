using System.IO.Compression;
using System.Runtime.InteropServices;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket;

/// <summary>One picture of the pack: which thing it shows, in which style (an index into <see cref="Styles"/>).</summary>
public sealed record Icon(Thing Thing, int Style);

/// <summary>The icons of a pack written by <see cref="IconSet"/>, decoded.</summary>
public sealed class IconPack
{
    private const int Side = IconSet.Side;
    private const int Plane = Side * Side;

    /// <param name="icons">What each picture shows.</param>
    /// <param name="pixels">Premultiplied RGBA planes [n, 4, 128, 128], 0 to 255.</param>
    public IconPack(IReadOnlyList<Icon> icons, byte[] pixels)
    {
        if (pixels.LongLength != icons.Count * 4L * Plane)
        {
            throw new ArgumentException($"{pixels.LongLength} bytes for {icons.Count} icons", nameof(pixels));
        }

        Icons = icons;
        Pixels = pixels;
    }

    /// <summary>What each picture shows: styles in their order, and in each the things in the table's order.</summary>
    public IReadOnlyList<Icon> Icons { get; }

    /// <summary>Premultiplied RGBA planes [n, 4, 128, 128], 0 to 255.</summary>
    public byte[] Pixels { get; }

    /// <summary>The picture of a thing in a style, as an index into <see cref="Icons"/>.</summary>
    public int IndexOf(Thing thing, int style)
    {
        for (var index = 0; index < Icons.Count; index++)
        {
            if (Icons[index].Style == style && Icons[index].Thing == thing)
            {
                return index;
            }
        }

        throw new ArgumentException($"no picture of '{thing.Noun}' in style {style}", nameof(thing));
    }

    /// <summary>The pictures as a uint8 tensor [n, 4, 128, 128], premultiplied RGBA.</summary>
    public Tensor ToTensor(Device? device = null) =>
        torch.tensor(Pixels, [Icons.Count, 4, Side, Side], ScalarType.Byte, device);

    /// <summary>Opens a pack and decodes the pictures of every thing of the table.</summary>
    /// <exception cref="RecipesException">The pack is absent, unreadable, or lacks a picture.</exception>
    public static IconPack Open(string path)
    {
        var icons = (
            from style in Enumerable.Range(0, Styles.All.Count)
            from thing in Things.All
            select new Icon(thing, style)).ToArray();
        var files = ReadEntries(path, icons);
        var pixels = new byte[icons.Length * 4L * Plane];
        Parallel.For(0, icons.Length, index =>
            Decode(files[index], $"{path}: {EntryName(icons[index])}", pixels.AsSpan(index * 4 * Plane, 4 * Plane)));
        return new IconPack(icons, pixels);
    }

    private static string EntryName(Icon icon) => $"{Styles.All[icon.Style]}/{icon.Thing.Hex}.webp";

    private static byte[][] ReadEntries(string path, IReadOnlyList<Icon> icons)
    {
        const string cure = "Delete it: `recipes run recipes/pretrain.fsx` builds it where there is none.";
        if (!File.Exists(path))
        {
            throw new RecipesException(path, "the icon pack is not there", cure);
        }

        try
        {
            using var zip = ZipFile.OpenRead(path);
            return [.. icons.Select(icon =>
            {
                var entry = zip.GetEntry(EntryName(icon))
                    ?? throw new RecipesException(path, $"it has no picture {EntryName(icon)}", cure);
                using var stream = entry.Open();
                using var bytes = new MemoryStream();
                stream.CopyTo(bytes);
                return bytes.ToArray();
            })];
        }
        catch (InvalidDataException fault)
        {
            throw new RecipesException(path, $"it is no icon pack ({fault.Message})", cure, fault);
        }
    }

    private static void Decode(byte[] webp, string where, Span<byte> planes)
    {
        var info = new SKImageInfo(Side, Side, SKColorType.Rgba8888, SKAlphaType.Premul);
        using var bitmap = SKBitmap.Decode(webp, info);
        if (bitmap is null || bitmap.Width != Side || bitmap.Height != Side)
        {
            throw new RecipesException(where, $"the picture is no {Side}x{Side} WebP", "Build the pack again.");
        }

        var pixels = MemoryMarshal.Cast<byte, uint>(bitmap.GetPixelSpan());
        for (var index = 0; index < Plane; index++)
        {
            for (var channel = 0; channel < 4; channel++)
            {
                planes[(channel * Plane) + index] = (byte)(pixels[index] >> (8 * channel));
            }
        }
    }
}
