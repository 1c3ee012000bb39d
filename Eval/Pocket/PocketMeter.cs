using System.Diagnostics;
using Recipes.Core;
using Recipes.Core.Imaging;
using Recipes.Core.Pipelines;
using Recipes.Core.Pocket;
using Recipes.Core.Pocket.Pretraining;
using static TorchSharp.torch;

namespace Recipes.Eval.Pocket;

/// <summary>
/// Measures the embedded model and a CLIP that was trained apart from it, both from their folders.
/// </summary>
public sealed class PocketMeter : IDisposable
{
    private readonly StableDiffusionModel model;
    private readonly ClipScorer scorer;
    private readonly FigureOptions options;
    private readonly string clipFolder;
    private readonly IReadOnlyList<SceneDescription> scenes;

    /// <param name="modelFolder">The text-to-image model.</param>
    /// <param name="clipFolder">The CLIP that finds captions.</param>
    /// <param name="options">How to measure.</param>
    /// <param name="device">The CPU by default.</param>
    /// <exception cref="RecipesException">
    /// A folder does not hold its model, or more captions are asked for than there are.
    /// </exception>
    public PocketMeter(string modelFolder, string clipFolder, FigureOptions options, Device? device = null)
    {
        this.options = options;
        this.clipFolder = clipFolder;
        scenes = SceneSet.Unseen(options.Captions, options.Seed);
        model = StableDiffusionModel.Load(modelFolder, device);
        scorer = ClipScorer.Load(clipFolder, device);
    }

    /// <summary>Network evaluations of <see cref="Measure"/>: what progress counts up to.</summary>
    public int TotalSteps => Captioned().TotalSteps + ((options.TimedPictures + 1) * options.Steps);

    /// <summary>Takes every figure.</summary>
    /// <param name="icons">The real icons, for the autoencoder and the upper bound; null leaves both out.</param>
    /// <param name="progress">Told how many of <see cref="TotalSteps"/> are done.</param>
    /// <param name="cancellation">Looked at before each denoising step.</param>
    public PocketFigures Measure(
        IconPack? icons, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        var drawn = Retrieve(TextToImage.Run(model, Captioned(), progress, cancellation));
        return new PocketFigures
        {
            Options = options,
            Drawn = drawn,
            Composed = icons is null ? null : Retrieve(Compose(icons)),
            VaePsnr = icons is null || options.HeldOutBackgrounds == 0 ? null : Psnr(icons),
            SecondsAPicture = Seconds(progress, cancellation),
            Device = model.Device.ToString(),
            Threads = get_num_threads(),
            Bytes = Bytes(model.Folder) + Bytes(clipFolder),
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        model.Dispose();
        scorer.Dispose();
    }

    private TextToImageRequest Captioned() => Request(
        [.. scenes.Select(Captions.Canonical)],
        [.. Enumerable.Range(0, scenes.Count).Select(index => (ulong)(options.Seed + index))]);

    private TextToImageRequest Request(IReadOnlyList<string> prompts, IReadOnlyList<ulong> seeds) => new()
    {
        Prompts = prompts,
        Seeds = seeds,
        Steps = options.Steps,
        Guidance = options.Guidance,
    };

    private RetrievalRates Retrieve(IReadOnlyList<Image> pictures)
    {
        // The right caption stands first; a tie counts against it, so its place does not help.
        IReadOnlyList<IReadOnlyList<string>> candidates = [.. scenes.Select((scene, index) =>
            (IReadOnlyList<string>)[
                Captions.Canonical(scene), .. Captions.Distractors(scene, options.Distractors, options.Seed + index)])];
        var found = scorer.Retrieve(pictures, candidates, new int[scenes.Count]);
        return new RetrievalRates(found.Top1.Value, found.Top5.Value);
    }

    private IReadOnlyList<Image> Compose(IconPack icons)
    {
        using var set = SceneSet.Of(icons, scenes, options.Seed);
        using var composer = new SceneComposer(icons);
        var pictures = new List<Image>();
        for (var index = 0; index < scenes.Count; index++)
        {
            using var number = tensor([(long)index]);
            using var picture = composer.Compose(set, number);
            pictures.AddRange(ImageTensor.ToImages(picture));
        }

        return pictures;
    }

    private double Psnr(IconPack icons)
    {
        using var set = SceneSet.HeldOut(icons, options.HeldOutBackgrounds, options.Seed);
        using var composer = new SceneComposer(icons, model.Device);
        using var pictures = SceneCache.Render(set, composer, model.Device);
        return Pretraining.Psnr(model.Vae, pictures);
    }

    private double Seconds(IProgress<int>? progress, CancellationToken cancellation)
    {
        var before = Captioned().TotalSteps;
        var times = new List<double>();
        for (var picture = 0; picture <= options.TimedPictures; picture++)
        {
            var clock = Stopwatch.StartNew();
            TextToImage.Run(model, Request([Captions.Canonical(scenes[0])], [(ulong)picture]), null, cancellation);
            times.Add(clock.Elapsed.TotalSeconds);
            progress?.Report(before + ((picture + 1) * options.Steps));
        }

        // The first one warms up.
        times.RemoveAt(0);
        times.Sort();
        return times[times.Count / 2];
    }

    private static long Bytes(string folder) =>
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
}
