using static TorchSharp.torch;

namespace Recipes.Core.Imaging;

/// <summary>Pictures as masks.</summary>
public static class MaskTensor
{
    /// <summary>
    /// Float32 [n, 1, height, width] on the CPU: how bright each pixel is (ITU-R 601 luma, rounded to bytes as Pillow
    /// does), 0 to 1.
    /// </summary>
    /// <exception cref="ArgumentException">There is no picture, or their sizes differ.</exception>
    public static Tensor FromImages(IReadOnlyList<Image> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.Count == 0)
        {
            throw new ArgumentException("no picture to make a mask of", nameof(images));
        }

        var (width, height) = (images[0].Width, images[0].Height);
        var values = new float[checked(images.Count * width * height)];
        for (var n = 0; n < images.Count; n++)
        {
            if (images[n].Width != width || images[n].Height != height)
            {
                throw new ArgumentException(
                    $"mask {n} is {images[n].Width}x{images[n].Height}, the first one {width}x{height}",
                    nameof(images));
            }

            var luma = Luma.Of(images[n]);
            for (var i = 0; i < luma.Length; i++)
            {
                values[(n * luma.Length) + i] = luma[i] / 255f;
            }
        }

        return tensor(values, [images.Count, 1, height, width]);
    }
}
