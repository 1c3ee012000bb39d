namespace Recipes.Core.Imaging.Annotators;

/// <summary>Height x width values of one kind.</summary>
internal sealed class Plane(int width, int height)
{
    public int Width { get; } = width;

    public int Height { get; } = height;

    public float[] Values { get; } = new float[width * height];

    /// <summary>A channel of a picture, 0 to 255.</summary>
    public static Plane OfChannel(Image image, int channel)
    {
        var plane = new Plane(image.Width, image.Height);
        for (var i = 0; i < plane.Values.Length; i++)
        {
            plane.Values[i] = image.Pixels[(i * Image.Channels) + channel];
        }

        return plane;
    }

    /// <summary>A picture's luma, 0 to 255.</summary>
    public static Plane OfLuma(Image image)
    {
        var plane = new Plane(image.Width, image.Height);
        var luma = Luma.Of(image);
        for (var i = 0; i < luma.Length; i++)
        {
            plane.Values[i] = luma[i];
        }

        return plane;
    }

    /// <summary>Blurred by a Gaussian of sigma pixels, cut off at 3 sigma; borders are replicated.</summary>
    public Plane Blur(double sigma)
    {
        var reach = (int)Math.Ceiling(3 * sigma);
        double[] weights =
            [.. Enumerable.Range(-reach, (2 * reach) + 1).Select(x => Math.Exp(-x * x / (2 * sigma * sigma)))];
        var sum = weights.Sum();
        var kernel = Array.ConvertAll(weights, weight => (float)(weight / sum));
        var (rows, blurred) = (new Plane(Width, Height), new Plane(Width, Height));
        for (var y = 0; y < Height; y++)
        {
            Convolve(Values, rows.Values, kernel, y * Width, 1, Width);
        }

        for (var x = 0; x < Width; x++)
        {
            Convolve(rows.Values, blurred.Values, kernel, x, Width, Height);
        }

        return blurred;
    }

    private static void Convolve(float[] from, float[] to, float[] kernel, int start, int step, int count)
    {
        var reach = kernel.Length / 2;
        for (var i = 0; i < count; i++)
        {
            var sum = 0f;
            for (var k = 0; k < kernel.Length; k++)
            {
                sum += kernel[k] * from[start + (Math.Clamp(i + k - reach, 0, count - 1) * step)];
            }

            to[start + (i * step)] = sum;
        }
    }
}
