namespace Recipes.Core.Imaging;

/// <summary>Mirror images; each returns a new picture.</summary>
public static class Flip
{
    /// <summary>Left and right change places.</summary>
    public static Image Horizontal(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var flipped = new Image(image.Width, image.Height);

        for (var y = 0; y < image.Height; y++)
        {
            var source = image.Row(y);
            var target = flipped.Row(y);

            for (var x = 0; x < image.Width; x++)
            {
                source.Slice(x * 3, 3).CopyTo(target[((image.Width - 1 - x) * 3)..]);
            }
        }

        return flipped;
    }

    /// <summary>Top and bottom change places.</summary>
    public static Image Vertical(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var flipped = new Image(image.Width, image.Height);

        for (var y = 0; y < image.Height; y++)
        {
            image.Row(y).CopyTo(flipped.Row(image.Height - 1 - y));
        }

        return flipped;
    }

    /// <summary>Rows become columns: the pixel at (x, y) moves to (y, x).</summary>
    public static Image Transpose(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var turned = new Image(image.Height, image.Width);

        for (var y = 0; y < image.Height; y++)
        {
            var source = image.Row(y);

            for (var x = 0; x < image.Width; x++)
            {
                source.Slice(x * 3, 3).CopyTo(turned.Row(x)[(y * 3)..]);
            }
        }

        return turned;
    }
}
