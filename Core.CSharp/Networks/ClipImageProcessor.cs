using Recipes.Core.Imaging;
using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>Pictures as a CLIP image tower was trained on them: preprocessor_config.json of a model folder.</summary>
public sealed class ClipImageProcessor
{
    private const double RescaleFactor = 1.0 / 255;

    private readonly float[] mean;
    private readonly float[] deviation;
    private readonly bool crops;

    private ClipImageProcessor(int size, int crop, bool crops, float[] mean, float[] deviation)
    {
        Size = size;
        CropSize = crop;
        this.crops = crops;
        this.mean = mean;
        this.deviation = deviation;
    }

    /// <summary>The shorter side after resizing, in pixels.</summary>
    public int Size { get; }

    /// <summary>Height and width of what is cut out of the middle, in pixels.</summary>
    public int CropSize { get; }

    /// <summary>Reads preprocessor_config.json, or the one in a folder.</summary>
    /// <exception cref="RecipesException">A field has a value that is not supported; it is named.</exception>
    public static ClipImageProcessor Read(string path)
    {
        var file = SettingsFile.Read(path, "preprocessor_config.json");
        file.Only("do_resize", true);
        file.Only("do_rescale", true);
        file.Only("do_normalize", true);
        file.Only("do_convert_rgb", true);
        file.Only("resample", 3);
        var factor = file.Number("rescale_factor", RescaleFactor);
        if (Math.Abs(factor - RescaleFactor) > 1e-9)
        {
            throw SettingsFile.Refusal(file.Path, "rescale_factor", $"{factor}", "Use a model that divides by 255.");
        }

        var size = Side(file, "size", "shortest_edge");
        var crops = file.Flag("do_center_crop", true);
        return new ClipImageProcessor(
            size,
            crops ? Side(file, "crop_size", "height") : size,
            crops,
            ThreeOf(file, "image_mean", [0.48145466f, 0.4578275f, 0.40821073f]),
            ThreeOf(file, "image_std", [0.26862954f, 0.26130258f, 0.27577711f]));
    }

    /// <summary>Resized by the shorter side (bicubic), cut to a square, scaled to [0, 1] and standardised.</summary>
    /// <param name="images">Of any size.</param>
    /// <returns>[n, 3, size, size], float32 on the CPU.</returns>
    public Tensor Process(IReadOnlyList<Image> images)
    {
        using var scope = NewDisposeScope();
        return Standardise(ImageTensor.FromImages([.. images.Select(Fit)])).MoveToOuterDisposeScope();
    }

    /// <summary>Pictures of the right size already, in [-1, 1], standardised as the towers want them.</summary>
    /// <param name="pictures">[n, 3, size, size], on any device.</param>
    public Tensor Standardise(Tensor pictures)
    {
        using var scope = NewDisposeScope();
        // Mean and deviation are those of [0, 1], so they are taken to [-1, 1]: 2 m - 1 and 2 s.
        var shift = tensor(mean, device: pictures.device).mul_(2).sub_(1).reshape(1, 3, 1, 1);
        var scale = tensor(deviation, device: pictures.device).mul_(2).reshape(1, 3, 1, 1);
        return pictures.sub(shift).div_(scale).MoveToOuterDisposeScope();
    }

    private Image Fit(Image image)
    {
        var resized = Resize.ShorterSide(image, Size, Resampling.Bicubic);
        return crops ? Crop.Centre(resized, CropSize, CropSize) : resized;
    }

    /// <summary>A number, or an object with the side under a name.</summary>
    private static int Side(SettingsFile file, string field, string name)
    {
        var side = file.IsObject(field) ? file.Object(field).Integer(name) : file.Integer(field);
        return side is > 0 and <= 16384
            ? (int)side
            : throw SettingsFile.Refusal(file.Path, field, file.Shown(field), $"Give {{\"{name}\": PIXELS}}.");
    }

    private static float[] ThreeOf(SettingsFile file, string field, float[] missing)
    {
        var values = file.List(field, missing);
        return values.Length == 3
            ? values
            : throw SettingsFile.Refusal(file.Path, field, file.Shown(field), "Give three numbers.");
    }
}
