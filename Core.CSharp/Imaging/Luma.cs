namespace Recipes.Core.Imaging;

/// <summary>How bright pixels are.</summary>
public static class Luma
{
    /// <summary>ITU-R 601 luma of each pixel, height x width bytes, rounded as Pillow does.</summary>
    public static byte[] Of(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var luma = new byte[image.Width * image.Height];
        for (var i = 0; i < luma.Length; i++)
        {
            var pixel = image.Pixels.AsSpan(i * Image.Channels, Image.Channels);
            luma[i] = (byte)(((pixel[0] * 19595) + (pixel[1] * 38470) + (pixel[2] * 7471) + 0x8000) >> 16);
        }

        return luma;
    }
}
