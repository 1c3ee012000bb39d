using System.Security.Cryptography;
using System.Text;
using Recipes.Core.Imaging;
using static TorchSharp.torch;

namespace Recipes.Core.Data;

/// <summary>The part of a resized picture that is trained on.</summary>
public enum CropMode
{
    /// <summary>The middle square; a picture is never turned or stretched.</summary>
    Centre,

    /// <summary>The whole picture, stretched to a square (textual inversion's default).</summary>
    None,
}

/// <summary>Pictures made ready for training, in the order of their paths.</summary>
/// <param name="Pixels">Float32 [n, 3, size, size] in [-1, 1] on the CPU.</param>
/// <param name="Sha256">One hash of all files' bytes in order, 64 hexadecimal digits.</param>
public sealed record TrainingImages(Tensor Pixels, string Sha256) : IDisposable
{
    /// <summary>
    /// Decodes each file upright, scales its shorter side to <paramref name="size"/> and cuts out the middle square
    /// (DreamBooth's preparation: bilinear, centre).
    /// </summary>
    /// <param name="paths">The picture files, at least one.</param>
    /// <param name="size">Pixels a side.</param>
    /// <param name="filter">The resampling filter.</param>
    /// <param name="crop">What becomes of the longer side.</param>
    /// <exception cref="RecipesException">There is no file, or one cannot be decoded; the message names it.</exception>
    public static TrainingImages Load(
        IReadOnlyList<string> paths,
        int size,
        Resampling filter = Resampling.Bilinear,
        CropMode crop = CropMode.Centre)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);

        if (paths.Count == 0)
        {
            throw new RecipesException("training pictures", "there are none", "Name at least one picture.");
        }

        var images = paths.Select(path => Prepare(ImageFile.Decode(path), size, filter, crop)).ToArray();
        return new TrainingImages(ImageTensor.FromImages(images), HashOf(paths));
    }

    /// <summary>One picture as <see cref="Load"/> prepares it.</summary>
    public static Image Prepare(Image image, int size, Resampling filter, CropMode crop) => crop switch
    {
        CropMode.Centre => Crop.Centre(Resize.ShorterSide(image, size, filter), size, size),
        CropMode.None => Resize.To(image, size, size, filter),
        _ => throw new ArgumentOutOfRangeException(nameof(crop), crop, "no such crop"),
    };

    /// <summary>SHA-256 over the SHA-256 of each file's bytes in order: names and dates do not count.</summary>
    /// <exception cref="RecipesException">A file is missing or cannot be read.</exception>
    public static string HashOf(IReadOnlyList<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Concat(paths.Select(HashOf)))));
    }

    /// <summary>SHA-256 of one file's bytes, 64 hexadecimal digits.</summary>
    /// <exception cref="RecipesException">The file is missing or cannot be read.</exception>
    public static string HashOf(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path,
                $"the picture cannot be read ({error.Message.TrimEnd('.')})",
                "Check the path and that the file may be read.",
                error);
        }
    }

    /// <summary>Frees the tensor.</summary>
    public void Dispose() => Pixels.Dispose();
}
