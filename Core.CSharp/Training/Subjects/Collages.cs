using System.Globalization;
using Recipes.Core.Imaging;

namespace Recipes.Core.Training.Subjects;

/// <summary>What stands in one half of collages.</summary>
/// <param name="Words">How captions name it: sks robot, a house.</param>
/// <param name="Pictures">Files of pictures of it.</param>
/// <param name="Masks">For each picture a mask of its size, white where it is; null for the whole half.</param>
public sealed record CollageHalf(string Words, IReadOnlyList<string> Pictures, IReadOnlyList<string>? Masks = null);

/// <summary>A collage on the disk.</summary>
/// <param name="Path">The picture.</param>
/// <param name="Caption">What it shows, from left to right.</param>
/// <param name="Left">What stands on the left, and a mask of it of the picture's size.</param>
/// <param name="Right">The same on the right.</param>
/// <param name="Mask">A mask of both together; null where neither has masks.</param>
public sealed record Collage(
    string Path,
    string Caption,
    (CollageHalf What, string Mask) Left,
    (CollageHalf What, string Mask) Right,
    string? Mask);

/// <summary>
/// Pictures of two things side by side, composed from pictures of one each, so that a model learns subjects in company
/// (Han et al., "SVDiff", section 3.3, Cut-Mix-Unmix). All of them follow from the streams alone.
/// </summary>
public static class Collages
{
    private const string Stream = $"{RandomStreams.Augmentation}/collages";

    private static readonly string[] Captions = ["a photo of {0} and {1}", "a photo of {0} next to {1}"];

    /// <summary>Composes collages into a folder, with a mask of each half beside each.</summary>
    /// <param name="pairs">What stands together; they take turns, and each one's sides as well.</param>
    /// <param name="count">How many collages.</param>
    /// <param name="size">Pixels along each side, even.</param>
    /// <param name="streams">Draws pictures, sizes and places.</param>
    /// <param name="folder">Made where it is not there; files of the same names are replaced.</param>
    /// <exception cref="RecipesException">A file is no picture, or a mask is of another size than its picture.</exception>
    public static IReadOnlyList<Collage> Compose(
        IReadOnlyList<(CollageHalf First, CollageHalf Second)> pairs,
        int count,
        int size,
        RandomStreams streams,
        string folder)
    {
        Directory.CreateDirectory(folder);
        return [.. Enumerable.Range(0, count).Select(number =>
        {
            var (first, second) = pairs[number % pairs.Count];
            var turn = number / pairs.Count;
            var (left, right) = turn % 2 == 0 ? (first, second) : (second, first);
            var picture = new Image(size, size);
            var name = Path.Combine(folder, number.ToString("D3", CultureInfo.InvariantCulture));
            var both = new Image(size, size);
            var leftMask = Fill(picture, both, left, 0, streams, number, $"{name}-left.png");
            var rightMask = Fill(picture, both, right, 1, streams, number, $"{name}-right.png");
            ImageFile.WritePng($"{name}.png", picture);
            string? mask = null;
            if (left.Masks is not null || right.Masks is not null)
            {
                mask = $"{name}-both.png";
                ImageFile.WritePng(mask, both);
            }

            return new Collage(
                $"{name}.png",
                string.Format(CultureInfo.InvariantCulture, Captions[turn / 2 % 2], left.Words, right.Words),
                (left, leftMask),
                (right, rightMask),
                mask);
        })];
    }

    /// <summary>Draws one half of a collage and of the mask of both; gives the file of its own mask.</summary>
    private static string Fill(
        Image target, Image both, CollageHalf half, int place, RandomStreams streams, int number, string file)
    {
        double Draw(int nth) => streams.Uniform(Stream, number, (4 * place) + nth);
        var chosen = (int)(Draw(0) * half.Pictures.Count);
        var width = target.Width / 2;
        var side = (int)(width * (0.85 + (0.15 * Draw(1))));
        var left = (int)((width - side) * Draw(2));
        var top = (int)((target.Height - side) * (0.35 + (0.3 * Draw(3))));
        var source = ImageFile.Decode(half.Pictures[chosen]);
        var small = Shrunk(source, side);
        Put(target, small, place * width, width, left, top);
        var mask = new Image(target.Width, target.Height);
        if (half.Masks is { } masks)
        {
            var own = ImageFile.Decode(masks[chosen]);
            if (own.Width != source.Width || own.Height != source.Height)
            {
                throw new RecipesException(
                    masks[chosen],
                    $"the mask is {own.Width} × {own.Height} px, its picture {source.Width} × {source.Height}",
                    "Make both of the same size.");
            }

            Put(mask, Shrunk(own, side), place * width, width, left, top);
        }
        else
        {
            for (var y = 0; y < mask.Height; y++)
            {
                mask.Row(y).Slice(place * width * Image.Channels, width * Image.Channels).Fill(255);
            }
        }

        ImageFile.WritePng(file, mask);
        for (var i = 0; i < mask.Pixels.Length; i++)
        {
            both.Pixels[i] = Math.Max(both.Pixels[i], mask.Pixels[i]);
        }

        return file;
    }

    private static Image Shrunk(Image image, int side)
    {
        var square = Math.Min(image.Width, image.Height);
        return Resize.To(Crop.Centre(image, square, square), side, side, Resampling.Bilinear);
    }

    /// <summary>Puts a picture into a strip, whose rest goes on as the picture's edges are.</summary>
    private static void Put(Image target, Image picture, int from, int width, int left, int top)
    {
        for (var y = 0; y < target.Height; y++)
        {
            var row = picture.Row(Math.Clamp(y - top, 0, picture.Height - 1));
            for (var x = 0; x < width; x++)
            {
                var at = Math.Clamp(x - left, 0, picture.Width - 1);
                row.Slice(at * Image.Channels, Image.Channels)
                    .CopyTo(target.Row(y).Slice((from + x) * Image.Channels, Image.Channels));
            }
        }
    }
}
