namespace Recipes.Core.Imaging;

/// <summary>
/// Resizing as Pillow does it: separable, antialiased, first along rows and then along columns, with 8 bits between
/// the passes and fixed-point weights, so that results agree to the byte.
/// </summary>
public static class Resize
{
    /// <summary>
    /// The picture at exactly the given size; the sides are scaled independently. At its own size it is returned as is.
    /// </summary>
    public static Image To(Image image, int width, int height, Resampling filter)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        var wide = width == image.Width ? image : Rows(image, width, filter);
        return height == image.Height ? wide : Columns(wide, height, filter);
    }

    /// <summary>
    /// Scales the shorter side to <paramref name="size"/> and the longer one in proportion, cut down to whole pixels
    /// (torchvision's rule).
    /// </summary>
    public static Image ShorterSide(Image image, int size, Resampling filter)
    {
        ArgumentNullException.ThrowIfNull(image);
        var longer = (int)((long)size * Math.Max(image.Width, image.Height) / Math.Min(image.Width, image.Height));
        return image.Width <= image.Height ? To(image, size, longer, filter) : To(image, longer, size, filter);
    }

    private static Image Rows(Image image, int width, Resampling filter)
    {
        var weights = new ResamplingWeights(image.Width, width, filter);
        var resized = new Image(width, image.Height);

        for (var y = 0; y < image.Height; y++)
        {
            var source = image.Row(y);
            var target = resized.Row(y);

            for (var x = 0; x < width; x++)
            {
                var at = weights.First(x) * 3;
                int red = 0, green = 0, blue = 0;

                foreach (var weight in weights[x])
                {
                    red += source[at] * weight;
                    green += source[at + 1] * weight;
                    blue += source[at + 2] * weight;
                    at += 3;
                }

                target[x * 3] = ResamplingWeights.ToByte(red);
                target[(x * 3) + 1] = ResamplingWeights.ToByte(green);
                target[(x * 3) + 2] = ResamplingWeights.ToByte(blue);
            }
        }

        return resized;
    }

    private static Image Columns(Image image, int height, Resampling filter)
    {
        var weights = new ResamplingWeights(image.Height, height, filter);
        var resized = new Image(image.Width, height);
        var sums = new int[image.Stride];

        for (var y = 0; y < height; y++)
        {
            Array.Clear(sums);
            var from = weights.First(y);

            foreach (var weight in weights[y])
            {
                var source = image.Row(from++);

                for (var i = 0; i < sums.Length; i++)
                {
                    sums[i] += source[i] * weight;
                }
            }

            var target = resized.Row(y);

            for (var i = 0; i < sums.Length; i++)
            {
                target[i] = ResamplingWeights.ToByte(sums[i]);
            }
        }

        return resized;
    }
}
