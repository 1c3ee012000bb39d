namespace Recipes.Core.Data;

/// <summary>
/// How a picture is brought to the size of a bucket: scaled until it covers it, cut, and perhaps mirrored.
/// </summary>
/// <param name="Original">The picture's size.</param>
/// <param name="Scaled">Its size when it just covers the bucket.</param>
/// <param name="Left">Where the cut starts in the scaled picture, before mirroring.</param>
/// <param name="Top">The same from above.</param>
/// <param name="Target">The bucket.</param>
/// <param name="Flipped">Whether left and right change places.</param>
public sealed record Framing(Bucket Original, Bucket Scaled, int Left, int Top, Bucket Target, bool Flipped)
{
    /// <summary>What is cut off at the left of the picture as it is trained, mirrored or not.</summary>
    public int ShownLeft => Flipped ? Scaled.Width - Target.Width - Left : Left;

    /// <summary>The six numbers of SDXL's time ids (Podell et al. 2023, section 2.2), height before width.</summary>
    public float[] TimeIds =>
        [Original.Height, Original.Width, Top, ShownLeft, Target.Height, Target.Width];

    /// <summary>The middle; half pixels go to the even side, as in torchvision.</summary>
    public static Framing Centre(Bucket original, Bucket target, bool flipped = false)
    {
        var scaled = Cover(original, target);
        return new Framing(
            original, scaled, Half(scaled.Width - target.Width), Half(scaled.Height - target.Height), target, flipped);

        static int Half(int spare) => (int)Math.Round(spare / 2.0, MidpointRounding.ToEven);
    }

    /// <summary>A part at a place of one's choice.</summary>
    /// <param name="original">The picture's size.</param>
    /// <param name="target">The bucket.</param>
    /// <param name="x">From 0, leftmost, up to but not including 1.</param>
    /// <param name="y">From 0, uppermost, up to but not including 1.</param>
    /// <param name="flipped">Whether it is mirrored.</param>
    public static Framing At(Bucket original, Bucket target, double x, double y, bool flipped = false)
    {
        var scaled = Cover(original, target);
        return new Framing(
            original,
            scaled,
            (int)(x * (scaled.Width - target.Width + 1)),
            (int)(y * (scaled.Height - target.Height + 1)),
            target,
            flipped);
    }

    /// <summary>
    /// The smallest size of the same shape that covers the bucket; the longer side is cut down to whole pixels.
    /// </summary>
    private static Bucket Cover(Bucket original, Bucket target) =>
        (long)target.Width * original.Height >= (long)target.Height * original.Width
            ? new Bucket(target.Width, (int)((long)original.Height * target.Width / original.Width))
            : new Bucket((int)((long)original.Width * target.Height / original.Height), target.Height);
}
