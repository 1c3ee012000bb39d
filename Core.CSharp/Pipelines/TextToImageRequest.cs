using Recipes.Core.Networks;
using Recipes.Core.Schedules;

namespace Recipes.Core.Pipelines;

/// <summary>What to draw, and how.</summary>
public sealed record TextToImageRequest
{
    /// <summary>One for each image, or one for all.</summary>
    public required IReadOnlyList<string> Prompts { get; init; }

    /// <summary>What to lead away from: one for each image, or one for all; nothing by default.</summary>
    public IReadOnlyList<string>? NegativePrompts { get; init; }

    /// <summary>One for each image. An image depends on its own seed only.</summary>
    public required IReadOnlyList<ulong> Seeds { get; init; }

    /// <summary>Evaluations of the network for each image.</summary>
    public int Steps { get; init; } = 50;

    /// <summary>s in u + s·(c - u) (Ho and Salimans 2022); without effect, and cheaper, at 1 and below.</summary>
    public double Guidance { get; init; } = 7.5;

    /// <summary>In pixels; the model's own by default.</summary>
    public int? Width { get; init; }

    /// <summary>In pixels; the model's own by default.</summary>
    public int? Height { get; init; }

    /// <summary>DDIM without added noise by default.</summary>
    public ISampler? Sampler { get; init; }

    /// <summary>Images drawn together at most. More need more memory.</summary>
    public int BatchSize { get; init; } = 4;

    /// <summary>Evaluations of the network for all images: what progress counts up to.</summary>
    public int TotalSteps => Steps * ((Seeds.Count + BatchSize - 1) / BatchSize);

    /// <summary>Height and width of the latents.</summary>
    internal (long Height, long Width) LatentSize(UNetConfig unet, VaeConfig vae) =>
        (Side(Height, "height", unet, vae), Side(Width, "width", unet, vae));

    /// <summary>Refuses what cannot be drawn.</summary>
    internal void Check()
    {
        Require(Seeds.Count > 0, "no seeds are given", "Give one seed for each image.");
        Require(Steps > 0, $"{Steps} steps are asked for", "Take 1 step or more.");
        Require(BatchSize > 0, $"the batch size is {BatchSize}", "Draw 1 image or more at once.");
        Require(double.IsFinite(Guidance), $"the guidance is {Guidance}", "Give a number, such as 7.5.");
        RequireOneOrAll(Prompts, "prompts");
        RequireOneOrAll(NegativePrompts ?? [""], "negative prompts");
    }

    /// <summary>The prompt, or negative prompt, of each image.</summary>
    internal IReadOnlyList<string> ForEach(IReadOnlyList<string> prompts) =>
        prompts.Count == 1 ? [.. Enumerable.Repeat(prompts[0], Seeds.Count)] : prompts;

    private static long Side(int? pixels, string name, UNetConfig unet, VaeConfig vae)
    {
        if (pixels is null)
        {
            return unet.SampleSize;
        }

        Require(
            pixels > 0 && pixels % vae.Factor == 0,
            $"the {name} is {pixels} pixels",
            $"Give a multiple of {vae.Factor}, such as {unet.SampleSize * vae.Factor}.");
        return pixels.Value / vae.Factor;
    }

    private static void Require(bool holds, string fault, string cure)
    {
        if (!holds)
        {
            throw new RecipesException("Text to image", fault, cure);
        }
    }

    private void RequireOneOrAll(IReadOnlyList<string> texts, string what) => Require(
        texts.Count == 1 || texts.Count == Seeds.Count,
        $"there are {texts.Count} {what} for {Seeds.Count} seeds",
        $"Give one for each seed, or one for all.");
}
