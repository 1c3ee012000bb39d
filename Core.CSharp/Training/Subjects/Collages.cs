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
/// (Han et al., "SVDiff", section 3.3, Cut-Mix-Unmix). Things with masks are cut out and stand on one background: in the
/// shades of one of their pictures, or as that of the other thing goes on. Without masks a seam parts the halves. All of them follow from the streams alone.
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
            var (leftMask, rightMask) = ($"{name}-left.png", $"{name}-right.png");
            if (left.Masks is not null && right.Masks is not null)
            {
                picture = Laid(both, left, right, size, streams, number, leftMask, rightMask);
            }
            else if (left.Masks is null && right.Masks is null)
            {
                Fill(picture, both, left, 0, size / 2, streams, number, leftMask);
                Fill(picture, both, right, 1, size / 2, streams, number, rightMask);
            }
            else
            {
                // The picture of what has no mask goes on over the other half, and the cut-out stands on that.
                var (bare, place) = left.Masks is null ? (left, 0) : (right, 1);
                Fill(picture, both, bare, place, size, streams, number, place == 0 ? leftMask : rightMask);
                Stand(picture, both, place == 0 ? right : left, 1 - place, streams, number,
                    place == 0 ? rightMask : leftMask);
            }

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

    /// <summary>
    /// Two things cut out and laid onto one background, as large as half the picture or a little smaller, about the
    /// middles of its halves.
    /// </summary>
    private static Image Laid(
        Image both,
        CollageHalf left,
        CollageHalf right,
        int size,
        RandomStreams streams,
        int number,
        string leftMask,
        string rightMask)
    {
        var ground = Chosen(streams.Uniform(Stream, number, 8) < 0.5 ? left : right,
            streams.Uniform(Stream, number, 9));
        var picture = Backdrop.Of(ground.Picture, ground.Mask, size);
        var one = Stand(picture, both, left, 0, streams, number, leftMask);
        var two = Stand(picture, both, right, 1, streams, number, rightMask, one);
        ImageFile.WritePng(leftMask, one);
        return picture;
    }

    /// <summary>
    /// Lays a thing that was cut out onto a picture, as large as half of it or a little smaller, about the middle of its
    /// half; writes its mask.
    /// </summary>
    private static Image Stand(
        Image target,
        Image both,
        CollageHalf half,
        int place,
        RandomStreams streams,
        int number,
        string file,
        params Image[] under)
    {
        double Draw(int nth) => streams.Uniform(Stream, number, (4 * place) + nth);
        var thing = Chosen(half, Draw(0));
        var size = target.Width;
        var cut = CutOut.Of(thing.Picture, thing.Mask, (int)Math.Round(size * (0.42 + (0.08 * Draw(1)))), thing.File);
        var x = size * (0.25 + (0.5 * place) + (0.03 * (Draw(2) - 0.5)));
        var y = size * (0.5 + (0.14 * (Draw(3) - 0.5)));
        var own = new Image(size, size);
        cut.Lay(
            target,
            own,
            under,
            Math.Clamp((int)Math.Round(x - (cut.Width / 2.0)), 0, size - cut.Width),
            Math.Clamp((int)Math.Round(y - (cut.Height / 2.0)), 0, size - cut.Height));
        ImageFile.WritePng(file, own);
        Join(both, own);
        return own;
    }

    /// <summary>Adds a mask to that of both.</summary>
    private static void Join(Image both, Image own)
    {
        for (var i = 0; i < own.Pixels.Length; i++)
        {
            both.Pixels[i] = Math.Max(both.Pixels[i], own.Pixels[i]);
        }
    }

    /// <summary>One of the pictures with its mask.</summary>
    private static (Image Picture, Image Mask, string File) Chosen(CollageHalf half, double draw)
    {
        var chosen = (int)(draw * half.Pictures.Count);
        var (picture, file) = (ImageFile.Decode(half.Pictures[chosen]), half.Masks![chosen]);
        return (picture, MaskOf(picture, file), file);
    }

    private static Image MaskOf(Image picture, string file)
    {
        var mask = ImageFile.Decode(file);
        return mask.Width == picture.Width && mask.Height == picture.Height
            ? mask
            : throw new RecipesException(
                file,
                $"the mask is {mask.Width} × {mask.Height} px, its picture {picture.Width} × {picture.Height}",
                "Make both of the same size.");
    }

    /// <summary>
    /// Draws one half of a collage and of the mask of both, and writes its own mask. The picture's edges go on over so
    /// many pixels as are its reach: a half, or all of the collage.
    /// </summary>
    private static void Fill(
        Image target,
        Image both,
        CollageHalf half,
        int place,
        int reach,
        RandomStreams streams,
        int number,
        string file)
    {
        double Draw(int nth) => streams.Uniform(Stream, number, (4 * place) + nth);
        var chosen = (int)(Draw(0) * half.Pictures.Count);
        var width = target.Width / 2;
        var side = (int)(width * (0.85 + (0.15 * Draw(1))));
        var left = (int)((width - side) * Draw(2));
        var top = (int)((target.Height - side) * (0.35 + (0.3 * Draw(3))));
        var source = ImageFile.Decode(half.Pictures[chosen]);
        var small = Shrunk(source, side);
        if (reach > width)
        {
            Put(target, small, 0, target.Width, (place * width) + left, top);
        }
        else
        {
            Put(target, small, place * width, width, left, top);
        }

        var mask = new Image(target.Width, target.Height);
        if (half.Masks is { } masks)
        {
            Put(mask, Shrunk(MaskOf(source, masks[chosen]), side), place * width, width, left, top);
        }
        else
        {
            for (var y = 0; y < mask.Height; y++)
            {
                mask.Row(y).Slice(place * width * Image.Channels, width * Image.Channels).Fill(255);
            }
        }

        ImageFile.WritePng(file, mask);
        Join(both, mask);
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
