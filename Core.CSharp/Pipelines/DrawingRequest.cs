using Recipes.Core.Pipelines.Denoising;
using Recipes.Core.Pipelines.Prompts;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>What all pipelines are asked: texts, seeds, and how to go from noise to pictures.</summary>
public abstract record DrawingRequest
{
    /// <summary>
    /// One for each image, or one for all; with <see cref="ImagesPerPrompt"/> one for so many images.
    /// </summary>
    public required IReadOnlyList<string> Prompts { get; init; }

    /// <summary>What to lead away from: as many as prompts, or one for all; nothing when null.</summary>
    public IReadOnlyList<string>? NegativePrompts { get; init; }

    /// <summary>
    /// One for each image; then an image depends on its own seed only. With <see cref="SharedGenerator"/> one for all.
    /// </summary>
    public required IReadOnlyList<ulong> Seeds { get; init; }

    /// <summary>Images of each prompt, one after another.</summary>
    public int ImagesPerPrompt { get; init; } = 1;

    /// <summary>
    /// Whether one generator draws the noise of all images at once, as the reference implementation does when it is
    /// given one. All images are then drawn together, whatever <see cref="BatchSize"/> is.
    /// </summary>
    public bool SharedGenerator { get; init; }

    /// <summary>Steps of the sampler. Some samplers ask the network more than once a step.</summary>
    public int Steps { get; init; } = 50;

    /// <summary>s in u + s·(c - u) (Ho and Salimans 2022); without effect, and cheaper, at 1 and below.</summary>
    public double Guidance { get; init; } = 7.5;

    /// <summary>
    /// φ of Lin et al. 2024, section 3.4: how far guidance's higher contrast is taken back, 0 to 1. The reference
    /// implementation has it for text to image and for SDXL only.
    /// </summary>
    public double GuidanceRescale { get; init; }

    /// <summary>The one the model was published with by default.</summary>
    public ISampler? Sampler { get; init; }

    /// <summary>How prompts are read.</summary>
    public PromptOptions Prompting { get; init; } = new();

    /// <summary>Images drawn together at most. More need more memory.</summary>
    public int BatchSize { get; init; } = 4;

    /// <summary>Whether large pictures go through the autoencoder in tiles.</summary>
    public VaeTiling VaeTiling { get; init; }

    /// <summary>What SDXL is told of the pictures' sizes; those of the pictures themselves by default.</summary>
    public SizeConditions? Sizes { get; init; }

    /// <summary>The same for the negative prompts; as <see cref="Sizes"/> by default.</summary>
    public SizeConditions? NegativeSizes { get; init; }

    /// <summary>
    /// Called after each evaluation of the network. A tensor that is returned takes the latents' place; null keeps
    /// them. Reading values of the latents makes a GPU wait.
    /// </summary>
    public Func<SamplingStep, Tensor?>? AfterStep { get; init; }

    /// <summary>Pictures that steer drawing; the residuals of several are added up.</summary>
    public IReadOnlyList<Control> Controls { get; init; } = [];

    /// <summary>What progress counts up to: the steps of every group of images.</summary>
    public int TotalSteps => Taken * Groups.Count();

    /// <summary>How many images are drawn.</summary>
    public int Images => SharedGenerator ? Prompts.Count * ImagesPerPrompt : Seeds.Count;

    /// <summary>What the pipeline is called in messages.</summary>
    internal abstract string Name { get; }

    /// <summary>Steps that are taken, where a pipeline begins later.</summary>
    internal virtual int Taken => Steps;

    internal Guidance Led => new(Guidance, GuidanceRescale);

    /// <summary>The images that are drawn together.</summary>
    internal IEnumerable<Range> Groups
    {
        get
        {
            var size = SharedGenerator ? Math.Max(1, Images) : BatchSize;
            for (var first = 0; first < Images; first += size)
            {
                yield return new Range(first, Math.Min(first + size, Images));
            }
        }
    }

    /// <summary>The noise of some images.</summary>
    internal NoiseSource Noise(Range range) =>
        NoiseSource.PerImage(SharedGenerator ? Seeds : Seeds.Take(range));

    /// <summary>The text of each image.</summary>
    internal IReadOnlyList<string> ForEach(IReadOnlyList<string> texts) =>
        texts.Count == 1
            ? [.. Enumerable.Repeat(texts[0], Images)]
            : [.. texts.SelectMany(text => Enumerable.Repeat(text, ImagesPerPrompt))];

    /// <summary>Refuses what cannot be drawn.</summary>
    internal virtual void Check()
    {
        Require(Seeds.Count > 0, "no seeds are given", "Give one seed for each image.");
        Require(Prompts.Count > 0, "no prompts are given", "Give one prompt for each image, or one for all.");
        Require(ImagesPerPrompt > 0, $"{ImagesPerPrompt} images a prompt are asked for", "Draw 1 image or more.");
        Require(Steps > 0, $"{Steps} steps are asked for", "Take 1 step or more.");
        Require(BatchSize > 0, $"the batch size is {BatchSize}", "Draw 1 image or more at once.");
        Require(double.IsFinite(Guidance), $"the guidance is {Guidance}", "Give a number, such as 7.5.");
        Require(
            GuidanceRescale is >= 0 and <= 1,
            $"the guidance rescale is {GuidanceRescale}",
            "Give a number from 0 to 1, such as 0.7.");
        Require(
            !SharedGenerator || Seeds.Count == 1,
            $"there are {Seeds.Count} seeds for one generator",
            "Give one seed, or leave SharedGenerator off.");
        RequireOneOrAll(Prompts, "prompts");
        RequireOneOrAll(NegativePrompts ?? [""], "negative prompts");
    }

    /// <summary>Refuses controls that do not fit the model, or latents of a size.</summary>
    internal void CheckControls(StableDiffusionModel model, long height, long width)
    {
        foreach (var (index, control) in Controls.Index())
        {
            var name = Controls.Count == 1 ? "the control" : $"control {index + 1}";
            ControlCheck.Run(this, control, name, model, height, width);
        }
    }

    /// <summary>The rows that some images need: one if all images share it.</summary>
    internal Tensor Rows(Tensor rows, Range range)
    {
        var (first, count) = (range.Start.Value, range.End.Value - range.Start.Value);
        var each = Images / rows.shape[0];
        return rows.shape[0] == 1 ? rows.alias()
            : each == 1 ? rows.narrow(0, first, count)
            : rows.repeat_interleave(each, 0).narrow(0, first, count);
    }

    /// <summary>Refuses rows that are neither one for all, nor one for each prompt or image.</summary>
    internal void RequireRows(Tensor rows, string what)
    {
        var count = rows.shape[0];
        Require(
            count == 1 || count == Images || count * ImagesPerPrompt == Images,
            $"there are {count} {what} for {Images} images",
            "Give one for each image, or one for all.");
    }

    /// <summary>Refuses values that are not numbers, or lie out of range.</summary>
    internal void RequireWithin(Tensor values, double least, string what)
    {
        using var gradients = no_grad();
        using var scope = NewDisposeScope();
        var wide = values.to_type(ScalarType.Float32);
        var (low, high) = (wide.min().item<float>(), wide.max().item<float>());
        Require(
            low >= least - 1e-3 && high <= 1.001,
            $"the values of the {what} go from {low:0.###} to {high:0.###}",
            $"Scale them to {least} to 1.");
    }

    /// <summary>Refuses models that want to be told more than latents.</summary>
    internal void RequireLatentsAlone(StableDiffusionModel model) => Require(
        model.UNet.Config.InChannels == model.Vae.Config.LatentChannels,
        $"the model takes {model.UNet.Config.InChannels} channels, not the {model.Vae.Config.LatentChannels} of "
            + $"latents alone ({model.PipelineClass})",
        "Use the pipeline the model was made for.");

    /// <summary>Throws unless something holds.</summary>
    internal void Require(bool holds, string fault, string cure)
    {
        if (!holds)
        {
            throw new RecipesException(Name, fault, cure);
        }
    }

    private void RequireOneOrAll(IReadOnlyList<string> texts, string what) => Require(
        texts.Count == 1 || texts.Count * ImagesPerPrompt == Images,
        SharedGenerator
            ? $"there are {texts.Count} {what} for {Prompts.Count} prompts"
            : $"there are {texts.Count} {what} for {Seeds.Count} seeds"
                + (ImagesPerPrompt > 1 ? $" and {ImagesPerPrompt} images a prompt" : ""),
        "Give one for each image, or one for all.");
}
