using Recipes.Core.Networks;
using Recipes.Core.Pocket;

namespace Recipes.Core.Bench;

/// <summary>The benchmarks of whole jobs, by name.</summary>
public static class StepBench
{
    private const string Pocket = "pocket";

    private static readonly Dictionary<string, Func<UNetConfig, VaeConfig, BenchOptions, BenchRow>> Jobs = new()
    {
        ["lora"] = (unet, _, options) => TrainingBench.Lora(unet, options),
        ["dreambooth"] = (unet, _, options) => TrainingBench.DreamBooth(unet, options),
        ["txt2img"] = DrawingBench.TextToImage,
        ["controlnet"] = DrawingBench.ControlNet,
    };

    /// <summary>The jobs there are.</summary>
    public static IReadOnlyList<string> Names => [.. Jobs.Keys];

    /// <summary>Runs a job with random weights in a published model's shape, or in the embedded model's.</summary>
    /// <param name="job">One of <see cref="Names"/>.</param>
    /// <param name="shape">sd15, sd21, sdxl, pocket or tiny.</param>
    /// <param name="options">How much of it.</param>
    /// <exception cref="RecipesException">There is no such job or shape, or numbers are out of range.</exception>
    public static BenchRow Run(string job, string shape, BenchOptions options)
    {
        options.Check();
        var run = Jobs.GetValueOrDefault(job) ?? throw new RecipesException(
            $"bench {job}", "there is no such job", $"Choose {string.Join(", ", Jobs.Keys)}.");
        var (unet, vae) = shape == Pocket
            ? (UNetConfig.Read(Path.Combine(PocketModel.Folder, "unet")),
                VaeConfig.Read(Path.Combine(PocketModel.Folder, "vae")))
            : (ModelShapes.Named(shape).UNet, ModelShapes.Named(shape).Vae);
        return run(unet, vae, options);
    }
}
