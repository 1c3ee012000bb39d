using Recipes.Core.Imaging;

namespace Recipes.Core.Training.Subjects;

/// <summary>A plain background in the shades of a picture's own: what its mask leaves out, above and below.</summary>
internal static class Backdrop
{
    /// <summary>A square that goes evenly from the mean shade of the upper half to that of the lower half.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="mask">Of its size, white where the subject is; where that is a whole half, its shade counts.</param>
    /// <param name="size">Pixels along each side.</param>
    public static Image Of(Image picture, Image mask, int size)
    {
        var (above, below) = (Mean(picture, mask, 0), Mean(picture, mask, 1));
        var square = new Image(size, size);
        for (var y = 0; y < size; y++)
        {
            // The means stand for the middles of the halves.
            var share = Math.Clamp((((y + 0.5) / size) - 0.25) * 2, 0, 1);
            var row = square.Row(y);
            for (var i = 0; i < row.Length; i++)
            {
                var channel = i % Image.Channels;
                row[i] = (byte)Math.Round(above[channel] + ((below[channel] - above[channel]) * share));
            }
        }

        return square;
    }

    private static double[] Mean(Image picture, Image mask, int half)
    {
        var sums = new double[Image.Channels];
        var all = new double[Image.Channels];
        var (weight, count) = (0.0, 0);
        for (var y = picture.Height * half / 2; y < picture.Height * (half + 1) / 2; y++)
        {
            for (var x = 0; x < picture.Width; x++)
            {
                var at = (y * picture.Stride) + (x * Image.Channels);
                var open = 1 - (mask.Pixels[at] / 255.0);
                for (var channel = 0; channel < Image.Channels; channel++)
                {
                    sums[channel] += open * picture.Pixels[at + channel];
                    all[channel] += picture.Pixels[at + channel];
                }

                weight += open;
                count++;
            }
        }

        return [.. Enumerable.Range(0, Image.Channels)
            .Select(channel => weight > 0 ? sums[channel] / weight : all[channel] / Math.Max(1, count))];
    }
}
