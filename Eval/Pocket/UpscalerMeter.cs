using Recipes.Core;
using Recipes.Core.Imaging;
using Recipes.Core.Pipelines;
using Recipes.Core.Pocket;
using Recipes.Core.Pocket.Pretraining;
using static TorchSharp.torch;

namespace Recipes.Eval.Pocket;

/// <summary>Measures the embedded upscaler on scenes that no training shows.</summary>
public static class UpscalerMeter
{
    /// <summary>Of the held-out scenes every so many are enlarged.</summary>
    private const int Every = 9;

    /// <summary>Takes the figures.</summary>
    /// <param name="folder">The upscaler.</param>
    /// <param name="icons">The real icons.</param>
    /// <param name="options">Steps, seed, and backgrounds of each held-out thing, 1 or more.</param>
    /// <param name="device">The CPU by default.</param>
    /// <param name="cancellation">Looked at before each denoising step.</param>
    /// <exception cref="RecipesException">The folder holds no upscaler.</exception>
    public static UpscalerFigures Measure(
        string folder,
        IconPack icons,
        FigureOptions options,
        Device? device = null,
        CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        using var model = StableDiffusionModel.Load(folder, device);
        using var set = SceneSet.HeldOut(icons, options.HeldOutBackgrounds, options.Seed);
        using var composer = new SceneComposer(icons, model.Device);
        var scenes = SceneCache.Render(set, composer, model.Device);
        var autoencoder = Pretraining.Psnr(model.Vae, scenes);
        var chosen = arange(0, scenes.shape[0], Every, device: model.Device);
        var originals = SceneCache.Scaled(scenes[chosen]).cpu();
        var large = ImageTensor.ToImages(originals);
        var small = ImageTensor.ToImages(SmallPictures.Of(originals, model.Vae.Config.Factor));
        var enlarged = Upscaling.Run(
            model,
            new UpscalingRequest
            {
                Prompts = [""],
                Seeds = [.. Enumerable.Range(0, small.Count).Select(index => (ulong)(options.Seed + index))],
                Pictures = ImageTensor.FromImages(small),
                Steps = options.Steps,
                Guidance = 1,
                NoiseLevel = 0,
            },
            null,
            cancellation);
        var bicubic = small.Select((picture, index) =>
            Resize.To(picture, large[index].Width, large[index].Height, Resampling.Bicubic));
        double Mean(IEnumerable<Image> pictures) => pictures.Zip(large, Metrics.Psnr.Of).Average();
        return new UpscalerFigures(autoencoder, Mean(bicubic), Mean(enlarged), large.Count, options.Steps);
    }
}
