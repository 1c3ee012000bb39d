using Recipes.Core;
using Recipes.Core.Imaging;

namespace Recipes.Eval.Metrics;

/// <summary>
/// Structural similarity (Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 2004): Gaussian windows of 11 x 11 with sigma
/// 1.5, K1 = 0.01, K2 = 0.03, where the window lies wholly within the picture; the mean over red, green and blue.
/// </summary>
public static class Ssim
{
    private const int Size = 11;
    private const double Sigma = 1.5;
    private const double C1 = 0.01 * 0.01 * 255 * 255;
    private const double C2 = 0.03 * 0.03 * 255 * 255;

    private static readonly double[] Window = Gaussian();

    /// <summary>The mean over all windows and channels: 1 for equal pictures, below 0 for opposite ones.</summary>
    /// <exception cref="RecipesException">The pictures differ in size, or a side is below 11 pixels.</exception>
    public static double Of(Image picture, Image reference)
    {
        PicturePair.Check("SSIM", picture, reference);
        if (picture.Width < Size || picture.Height < Size)
        {
            throw new RecipesException(
                "SSIM",
                $"a picture of {picture.Width}x{picture.Height} is smaller than the window of {Size}x{Size}",
                $"Compare pictures of at least {Size} pixels a side.");
        }

        return Enumerable.Range(0, Image.Channels).Average(channel => Of(picture, reference, channel));
    }

    private static double Of(Image picture, Image reference, int channel)
    {
        var (x, y) = (Plane(picture, channel), Plane(reference, channel));
        var (width, height) = (picture.Width, picture.Height);
        double[] Blurred(Func<double, double, double> of) => Blur([.. x.Zip(y, of)], width, height);
        var (meanX, meanY) = (Blurred((a, _) => a), Blurred((_, b) => b));
        var (xx, yy, xy) = (Blurred((a, _) => a * a), Blurred((_, b) => b * b), Blurred((a, b) => a * b));
        var sum = 0.0;
        for (var i = 0; i < meanX.Length; i++)
        {
            var (mx, my) = (meanX[i], meanY[i]);
            var (vx, vy, cov) = (xx[i] - (mx * mx), yy[i] - (my * my), xy[i] - (mx * my));
            sum += ((2 * mx * my) + C1) * ((2 * cov) + C2) / (((mx * mx) + (my * my) + C1) * (vx + vy + C2));
        }

        return sum / meanX.Length;
    }

    private static double[] Plane(Image image, int channel)
    {
        var plane = new double[image.Width * image.Height];
        for (var i = 0; i < plane.Length; i++)
        {
            plane[i] = image.Pixels[(i * Image.Channels) + channel];
        }

        return plane;
    }

    /// <summary>The window's means wherever it lies within, (width - 10) x (height - 10) values.</summary>
    private static double[] Blur(double[] plane, int width, int height)
    {
        var (across, down) = (width - Size + 1, height - Size + 1);
        var rows = new double[across * height];
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i] = Mean(plane, (i / across * width) + (i % across), 1);
        }

        var blurred = new double[across * down];
        for (var i = 0; i < blurred.Length; i++)
        {
            blurred[i] = Mean(rows, i, across);
        }

        return blurred;
    }

    private static double Mean(double[] values, int from, int step)
    {
        var mean = 0.0;
        for (var k = 0; k < Size; k++)
        {
            mean += Window[k] * values[from + (k * step)];
        }

        return mean;
    }

    private static double[] Gaussian()
    {
        double[] window = [.. Enumerable.Range(-(Size / 2), Size).Select(x => Math.Exp(-x * x / (2 * Sigma * Sigma)))];
        var sum = window.Sum();
        return Array.ConvertAll(window, value => value / sum);
    }
}
