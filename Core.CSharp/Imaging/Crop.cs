namespace Recipes.Core.Imaging;

/// <summary>Cutting out a rectangle; each returns a new picture.</summary>
public static class Crop
{
    /// <summary>The rectangle with its upper left corner at (left, top).</summary>
    /// <exception cref="ArgumentException">The rectangle does not lie within the picture.</exception>
    public static Image At(Image image, int left, int top, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(image);

        if (left < 0 || top < 0 || width < 1 || height < 1
            || left > image.Width - width || top > image.Height - height)
        {
            throw new ArgumentException(
                $"{width}x{height} pixels at ({left}, {top}) do not lie within {image.Width}x{image.Height}",
                nameof(width));
        }

        var cut = new Image(width, height);

        for (var y = 0; y < height; y++)
        {
            image.Row(top + y).Slice(left * 3, width * 3).CopyTo(cut.Row(y));
        }

        return cut;
    }

    /// <summary>The middle; half pixels go to the even side, as in torchvision.</summary>
    /// <exception cref="ArgumentException">The picture is smaller than the cut.</exception>
    public static Image Centre(Image image, int width, int height)
    {
        ArgumentNullException.ThrowIfNull(image);
        return At(image, Offset(image.Width, width), Offset(image.Height, height), width, height);
    }

    private static int Offset(int whole, int part) =>
        (int)Math.Round((whole - part) / 2.0, MidpointRounding.ToEven);
}
