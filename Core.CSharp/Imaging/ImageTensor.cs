using static TorchSharp.torch;

namespace Recipes.Core.Imaging;

/// <summary>Between pictures and the networks' tensors.</summary>
public static class ImageTensor
{
    /// <summary>Float32 [n, 3, height, width] on the CPU; bytes 0 to 255 become -1 to 1.</summary>
    /// <exception cref="ArgumentException">There is no picture, or their sizes differ.</exception>
    public static Tensor FromImages(IReadOnlyList<Image> images) =>
        FromImages(images, value => ((value / 255f) - 0.5f) / 0.5f);

    /// <summary>The same with a scale of one's own.</summary>
    internal static Tensor FromImages(IReadOnlyList<Image> images, Func<int, float> scale)
    {
        ArgumentNullException.ThrowIfNull(images);

        if (images.Count == 0)
        {
            throw new ArgumentException("no picture to make a tensor of", nameof(images));
        }

        var (width, height) = (images[0].Width, images[0].Height);
        var plane = width * height;
        float[] scaled = [.. Enumerable.Range(0, 256).Select(scale)];
        var values = new float[checked(images.Count * plane * Image.Channels)];

        for (var n = 0; n < images.Count; n++)
        {
            if (images[n].Width != width || images[n].Height != height)
            {
                throw new ArgumentException(
                    $"picture {n} is {images[n].Width}x{images[n].Height}, the first one {width}x{height}",
                    nameof(images));
            }

            var pixels = images[n].Pixels;
            var target = values.AsSpan(n * plane * Image.Channels);

            for (var i = 0; i < plane; i++)
            {
                target[i] = scaled[pixels[i * 3]];
                target[plane + i] = scaled[pixels[(i * 3) + 1]];
                target[(2 * plane) + i] = scaled[pixels[(i * 3) + 2]];
            }
        }

        return tensor(values, [images.Count, Image.Channels, height, width]);
    }

    /// <summary>
    /// Pictures of a tensor [n, 3, height, width] in [-1, 1] of any float type and device; values outside are clamped,
    /// halves round to even.
    /// </summary>
    /// <exception cref="ArgumentException">The tensor has another shape.</exception>
    /// <exception cref="RecipesException">A value is not a number.</exception>
    public static IReadOnlyList<Image> ToImages(Tensor batch)
    {
        ArgumentNullException.ThrowIfNull(batch);

        if (batch.dim() != 4 || batch.shape[1] != Image.Channels)
        {
            throw new ArgumentException(
                $"pictures come from [n, 3, height, width], not [{string.Join(", ", batch.shape)}]", nameof(batch));
        }

        using var values = batch.detach().to(ScalarType.Float32, CPU).contiguous();
        var (height, width) = ((int)batch.shape[2], (int)batch.shape[3]);
        var plane = width * height;
        var all = values.data<float>().ToArray();
        var images = new Image[batch.shape[0]];

        for (var n = 0; n < images.Length; n++)
        {
            images[n] = new Image(width, height);

            for (var i = 0; i < plane * Image.Channels; i++)
            {
                images[n].Pixels[((i % plane) * 3) + (i / plane)] = ToByte(all[(n * plane * Image.Channels) + i], n);
            }
        }

        return images;
    }

    private static byte ToByte(float value, int picture)
    {
        if (float.IsNaN(value))
        {
            throw new RecipesException(
                $"picture {picture}",
                "the network gave values that are no numbers (NaN)",
                "Compute in float32 or bfloat16, or lower the learning rate if the model was just trained.");
        }

        return (byte)MathF.Round(Math.Clamp((value / 2f) + 0.5f, 0f, 1f) * 255f);
    }
}
