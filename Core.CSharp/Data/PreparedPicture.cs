using Recipes.Core.Imaging;
using static TorchSharp.torch;

namespace Recipes.Core.Data;

/// <summary>A training picture in the shape of its bucket, and what belongs to it in the very same cut.</summary>
/// <param name="Pixels">[1, 3, height, width] in -1 to 1, float32 on the CPU.</param>
/// <param name="Mask">[1, 1, height, width] in 0 to 1; null for none.</param>
/// <param name="Control">[1, 3, height, width] in 0 to 1; null for none.</param>
/// <param name="Places">Where each subject is, [1, subjects, height, width] in 0 to 1; null without subjects.</param>
public sealed record PreparedPicture(Tensor Pixels, Tensor? Mask, Tensor? Control, Tensor? Places = null)
{
    /// <summary>Decodes, turns upright, scales, cuts and mirrors; the tensors are the caller's.</summary>
    /// <param name="picture">The files.</param>
    /// <param name="framing">How, made for a picture of this size.</param>
    /// <exception cref="RecipesException">A file is no picture, or mask or control are of another size.</exception>
    public static PreparedPicture Read(TrainingPicture picture, Framing framing) => new(
        ImageTensor.FromImages([Cut(picture.Path, picture.Path, framing)]),
        picture.Mask is { } mask ? MaskTensor.FromImages([Cut(mask, picture.Path, framing)]) : null,
        picture.Control is { } control ? ControlTensor.FromImages([Cut(control, picture.Path, framing)]) : null,
        picture.Subjects.Count == 0 ? null : Stack(
            [.. picture.Subjects.Select(subject => MaskTensor.FromImages([Cut(subject.Mask, picture.Path, framing)]))]));

    /// <summary>The picture's upright size, after a check that mask and control have it too.</summary>
    /// <exception cref="RecipesException">A file is no picture, or they differ.</exception>
    public static Bucket Measure(TrainingPicture picture)
    {
        var size = Probe(picture.Path);
        string?[] others = [picture.Mask, picture.Control, .. picture.Subjects.Select(subject => subject.Mask)];
        foreach (var other in others)
        {
            if (other is not null)
            {
                Require(Probe(other), size, other, picture.Path);
            }
        }

        return size;

        static Bucket Probe(string path)
        {
            var header = ImageFile.Probe(path);
            return new Bucket(header.Width, header.Height);
        }
    }

    /// <summary>The middle of a picture as a square, [1, 3, side, side] in -1 to 1, float32 on the CPU.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="side">The square's, in pixels.</param>
    /// <exception cref="RecipesException">The file is no picture.</exception>
    public static Tensor Square(string path, int side)
    {
        var picture = new TrainingPicture(path, "");
        return Read(picture, Framing.Centre(Measure(picture), new Bucket(side, side))).Pixels;
    }

    private static Tensor Stack(IReadOnlyList<Tensor> masks)
    {
        using var scope = NewDisposeScope();
        return cat([.. masks], 1).MoveToOuterDisposeScope();
    }

    private static Image Cut(string path, string picture, Framing framing)
    {
        var image = ImageFile.Decode(path);
        Require(new Bucket(image.Width, image.Height), framing.Original, path, picture);
        var scaled = Resize.To(image, framing.Scaled.Width, framing.Scaled.Height, Resampling.Bilinear);
        var cut = Crop.At(scaled, framing.Left, framing.Top, framing.Target.Width, framing.Target.Height);
        return framing.Flipped ? Flip.Horizontal(cut) : cut;
    }

    private static void Require(Bucket found, Bucket wanted, string path, string picture)
    {
        if (found != wanted)
        {
            throw new RecipesException(
                path,
                path == picture ? $"it is {found} px now, and was {wanted}"
                    : $"it is {found} px, its picture {Path.GetFileName(picture)} is {wanted}",
                path == picture ? "Leave the pictures alone while they are trained on."
                    : "Make both of the same size.");
        }
    }
}
