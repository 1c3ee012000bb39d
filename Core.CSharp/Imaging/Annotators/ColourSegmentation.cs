using System.Globalization;

namespace Recipes.Core.Imaging.Annotators;

/// <summary>
/// Areas of like colour, each in one colour of <see cref="SegmentationPalette"/>: k-means of L*a*b* and place, as
/// superpixels are found (Achanta et al., "SLIC superpixels", 2012, equation 1), with few and large ones. It knows no
/// classes: a shadow is an area of its own.
/// </summary>
public sealed record ColourSegmentation : IAnnotator
{
    // Clusters are looked for on a small copy; every pixel is then given to the nearest.
    private const int Copy = 96;

    // Islands below one part in so many of the picture go to the area around them.
    private const int Speck = 400;

    /// <inheritdoc/>
    public string Kind => "segmentation";

    /// <summary>Areas to look for, 2 up to the palette's 16; flat pictures have fewer.</summary>
    public int Areas { get; init; } = 6;

    /// <summary>What the whole shorter side weighs against colour, in units of L* (which has 100), 0 or more.</summary>
    public double Compactness { get; init; } = 30;

    /// <inheritdoc/>
    /// <exception cref="RecipesException">A setting is out of its range.</exception>
    public Image Annotate(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (Areas < 2 || Areas > SegmentationPalette.Colours.Count || !(Compactness >= 0))
        {
            throw new RecipesException(
                "control \"segmentation\"",
                string.Create(CultureInfo.InvariantCulture, $"{Areas} areas of compactness {Compactness} cannot be"),
                $"Take 2 to {SegmentationPalette.Colours.Count} areas and a compactness of 0 or more.");
        }

        var side = Math.Min(image.Width, image.Height);
        var small = side <= Copy ? image : Resize.ShorterSide(image, Copy, Resampling.Bilinear);
        var centres = ColourClusters.Find(Points(small), Areas);
        var areas = Points(image).Select(point => ColourClusters.Nearest(centres, point)).ToArray();
        var smooth = Smooth(areas, centres.Length, image.Width, image.Height, Math.Max(1, side / 100));
        Islands.Sink(smooth, image.Width, image.Width * image.Height / Speck);
        return Paint(smooth, image);
    }

    private float[][] Points(Image image)
    {
        var points = new float[image.Width * image.Height][];
        var scale = (float)Compactness / Math.Min(image.Width, image.Height);
        for (var i = 0; i < points.Length; i++)
        {
            var pixel = image.Pixels.AsSpan(i * Image.Channels, Image.Channels);
            var (l, a, b) = CieLab.Of(pixel[0], pixel[1], pixel[2]);
            var (y, x) = Math.DivRem(i, image.Width);
            points[i] = [l, a, b, x * scale, y * scale];
        }

        return points;
    }

    /// <summary>Each pixel goes to the area that has most of what is around it, so that borders are smooth.</summary>
    private static int[] Smooth(int[] areas, int count, int width, int height, int radius)
    {
        var (best, most) = (new int[areas.Length], new float[areas.Length]);
        for (var area = 0; area < count; area++)
        {
            var plane = new Plane(width, height);
            for (var i = 0; i < areas.Length; i++)
            {
                plane.Values[i] = areas[i] == area ? 1 : 0;
            }

            var share = plane.Blur(radius).Values;
            for (var i = 0; i < areas.Length; i++)
            {
                if (share[i] > most[i])
                {
                    (best[i], most[i]) = (area, share[i]);
                }
            }
        }

        return best;
    }

    private static Image Paint(int[] areas, Image image)
    {
        var order = areas.GroupBy(area => area).OrderByDescending(group => group.Count()).ThenBy(group => group.Key)
            .Select((group, place) => (group.Key, SegmentationPalette.Colours[place]))
            .ToDictionary(pair => pair.Key, pair => pair.Item2);
        var drawn = new Image(image.Width, image.Height);
        for (var i = 0; i < areas.Length; i++)
        {
            var pixel = drawn.Pixels.AsSpan(i * Image.Channels, Image.Channels);
            (pixel[0], pixel[1], pixel[2]) = order[areas[i]];
        }

        return drawn;
    }
}
