using Recipes.Core.Imaging;

namespace Recipes.Core.Training.Subjects;

/// <summary>
/// A thing cut out of its picture by its mask: the box around it, in premultiplied colours, so that nothing of the old
/// background shows at its edges.
/// </summary>
internal sealed class CutOut
{
    private readonly Image colours;
    private readonly Image cover;

    private CutOut(Image colours, Image cover)
    {
        this.colours = colours;
        this.cover = cover;
    }

    /// <summary>Pixels in a row.</summary>
    public int Width => cover.Width;

    /// <summary>Rows.</summary>
    public int Height => cover.Height;

    /// <summary>Cuts out what a mask of the picture's size covers, and scales its longer side to so many pixels.</summary>
    /// <exception cref="RecipesException">The mask is empty.</exception>
    public static CutOut Of(Image picture, Image mask, int longer, string file)
    {
        var (left, top, right, bottom) = (mask.Width, mask.Height, -1, -1);
        for (var y = 0; y < mask.Height; y++)
        {
            var row = mask.Row(y);
            for (var x = 0; x < mask.Width; x++)
            {
                if (row[x * Image.Channels] > 0)
                {
                    (left, top) = (Math.Min(left, x), Math.Min(top, y));
                    (right, bottom) = (Math.Max(right, x), Math.Max(bottom, y));
                }
            }
        }

        if (right < 0)
        {
            throw new RecipesException(file, "the mask is empty", "Draw the subject white, or remove the picture.");
        }

        var (width, height) = (right - left + 1, bottom - top + 1);
        var cover = Crop.At(mask, left, top, width, height);
        var colours = Crop.At(picture, left, top, width, height);
        for (var i = 0; i < cover.Pixels.Length; i++)
        {
            colours.Pixels[i] = Times(colours.Pixels[i], cover.Pixels[i]);
        }

        var scale = (double)longer / Math.Max(width, height);
        return new CutOut(Scaled(colours), Scaled(cover));

        Image Scaled(Image image) => Resize.To(
            image,
            Math.Max(1, (int)Math.Round(width * scale)),
            Math.Max(1, (int)Math.Round(height * scale)),
            Resampling.Bilinear);
    }

    /// <summary>Lays it over a picture; what lay there before loses its place in the mask under it.</summary>
    /// <param name="target">The picture.</param>
    /// <param name="own">The mask of this thing, of the picture's size, black so far.</param>
    /// <param name="under">Masks of what is laid over.</param>
    /// <param name="left">Where its box goes.</param>
    /// <param name="top">Where its box goes.</param>
    public void Lay(Image target, Image own, IReadOnlyList<Image> under, int left, int top)
    {
        for (var y = Math.Max(0, -top); y < Math.Min(Height, target.Height - top); y++)
        {
            for (var x = Math.Max(0, -left); x < Math.Min(Width, target.Width - left); x++)
            {
                for (var channel = 0; channel < Image.Channels; channel++)
                {
                    var from = (y * cover.Stride) + (x * Image.Channels) + channel;
                    var to = ((top + y) * target.Stride) + ((left + x) * Image.Channels) + channel;
                    var covered = cover.Pixels[from];
                    var rest = (byte)(255 - covered);
                    target.Pixels[to] = (byte)Math.Min(255, colours.Pixels[from] + Times(target.Pixels[to], rest));
                    own.Pixels[to] = covered;
                    foreach (var mask in under)
                    {
                        mask.Pixels[to] = Times(mask.Pixels[to], rest);
                    }
                }
            }
        }
    }

    private static byte Times(byte value, byte share) => (byte)(((value * share) + 127) / 255);
}
