using Recipes.Core.Imaging;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>Square training pictures of one size: scaled to the shorter side and cut at the centre.</summary>
public sealed class TrainingImages
{
    private readonly Func<int, Tensor> read;

    private TrainingImages(int count, int size, Func<int, Tensor> read)
    {
        Count = count;
        Size = size;
        this.read = read;
    }

    /// <summary>How many there are.</summary>
    public int Count { get; }

    /// <summary>Their side in pixels.</summary>
    public int Size { get; }

    /// <summary>Pictures out of files, each decoded when it is needed.</summary>
    /// <exception cref="RecipesException">No files; a file that is no picture is told of when it is read.</exception>
    public static TrainingImages FromFiles(IReadOnlyList<string> paths, int size) =>
        Make(paths.Count, size, index => Prepare(ImageFile.Decode(paths[index]), size));

    /// <summary>Pictures in memory.</summary>
    /// <exception cref="RecipesException">No pictures.</exception>
    public static TrainingImages FromImages(IReadOnlyList<Image> images, int size) =>
        Make(images.Count, size, index => Prepare(images[index], size));

    /// <summary>Picture <paramref name="index"/> as [1, 3, size, size] in [-1, 1], float32 on the CPU.</summary>
    public Tensor Read(int index) => read(index);

    /// <summary>These pictures, then the same ones mirrored left to right.</summary>
    public TrainingImages WithMirrored() =>
        new(2 * Count, Size, index => index < Count ? read(index) : read(index - Count).flip(3));

    private static TrainingImages Make(int count, int size, Func<int, Tensor> read)
    {
        if (count == 0)
        {
            throw new RecipesException("Training images", "there are none", "Name a folder that holds pictures.");
        }

        if (size < 1)
        {
            throw new RecipesException(
                "Training images",
                $"a size of {size} px is too small",
                "Set the base model's size, such as 512.");
        }

        return new TrainingImages(count, size, read);
    }

    private static Tensor Prepare(Image image, int size)
    {
        var scaled = Resize.ShorterSide(image, size, Resampling.Bilinear);
        return ImageTensor.FromImages([Crop.Centre(scaled, size, size)]);
    }
}
