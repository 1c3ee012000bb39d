using Recipes.Core.Adapters;
using Recipes.Core.Models;
using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using Recipes.Core.Text;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>
/// A latent diffusion model of the Stable Diffusion 1, 2 or XL family, for drawing, inpainting or upscaling, and all
/// its parts.
/// </summary>
public sealed class StableDiffusionModel : IDisposable
{
    private StableDiffusionModel(IModelSource source, Device? device, ScalarType? dtype)
    {
        Folder = source.Where;
        PipelineClass = source.PipelineClass;
        Scheduler = source.Scheduler;
        LowResScheduler = source.LowResScheduler;
        ForceZerosForEmptyPrompt = source.ForceZerosForEmptyPrompt;
        MaxNoiseLevel = source.MaxNoiseLevel;
        Tokenizers = source.Tokenizers;
        LearnedTokens = new LearnedTokens(this);
        Schedule = new NoiseSchedule(source.Scheduler);
        var owned = new List<nn.Module>();
        try
        {
            var towers = new List<ClipTextModel>();
            foreach (var config in source.TextEncoders)
            {
                var name = TextComponent(towers.Count);
                towers.Add(Filled(new ClipTextModel(config, device, dtype), name));
            }

            // Float16 overflows in the autoencoders of most models.
            var upcast = source.Vae.ForceUpcast && dtype == float16;
            TextEncoders = towers;
            UNet = Filled(new UNet2DConditionModel(source.UNet, device, dtype), "unet");
            Vae = Filled(new AutoencoderKL(source.Vae, device, upcast ? float32 : dtype), "vae");
        }
        catch
        {
            owned.ForEach(network => network.Dispose());
            Schedule.Dispose();
            throw;
        }

        T Filled<T>(T network, string component)
            where T : nn.Module
        {
            owned.Add(network);
            source.Fill(network, component);
            network.eval();
            foreach (var parameter in network.parameters())
            {
                parameter.requires_grad = false;
            }

            return network;
        }
    }

    /// <summary>Where it was read from: a folder or a file.</summary>
    public string Folder { get; }

    /// <summary>The diffusers pipeline it was published for, one of <see cref="PipelineClasses"/>.</summary>
    public string PipelineClass { get; }

    /// <summary>Whether it has two text encoders and is told sizes.</summary>
    public bool IsXL => TextEncoders.Count > 1;

    /// <summary>The first one; the only one but in SDXL.</summary>
    public ClipTokenizer Tokenizer => Tokenizers[0];

    /// <summary>The first one; the only one but in SDXL.</summary>
    public ClipTextModel TextEncoder => TextEncoders[0];

    /// <summary>One for each text encoder.</summary>
    public IReadOnlyList<ClipTokenizer> Tokenizers { get; internal set; }

    /// <summary>The tokens that textual inversion added to tokenizers and text encoders.</summary>
    public LearnedTokens LearnedTokens { get; }

    /// <summary>One; two for SDXL.</summary>
    public IReadOnlyList<ClipTextModel> TextEncoders { get; }

    /// <summary>A text encoder's name among the components, by its place: text_encoder, text_encoder_2.</summary>
    public static string TextComponent(int tower) => tower == 0 ? "text_encoder" : $"text_encoder_{tower + 1}";

    public UNet2DConditionModel UNet { get; }

    public AutoencoderKL Vae { get; }

    /// <summary>The noise it was trained with, and the sampler it was published with.</summary>
    public SchedulerConfig Scheduler { get; private set; }

    /// <summary>The same noise as numbers.</summary>
    public NoiseSchedule Schedule { get; private set; }

    /// <summary>The noise of the small picture, in upscalers only.</summary>
    public SchedulerConfig? LowResScheduler { get; }

    /// <summary>Whether the states of a negative prompt that is not given are zeros.</summary>
    public bool ForceZerosForEmptyPrompt { get; }

    /// <summary>The highest noise level of the small picture, in upscalers.</summary>
    public int MaxNoiseLevel { get; }

    /// <summary>Where it computes.</summary>
    public Device Device => UNet.Device;

    /// <summary>
    /// Reads a model where <see cref="ModelSource.Open"/> finds one. The weights are frozen (no gradients) and ready to
    /// use.
    /// </summary>
    /// <param name="path">A folder in diffusers layout, or a file.</param>
    /// <param name="device">The CPU by default.</param>
    /// <param name="dtype">Float32 by default, whatever the files hold.</param>
    /// <exception cref="RecipesException">
    /// A part is missing, is not supported, contradicts another, or its weights do not fit its config.
    /// </exception>
    public static StableDiffusionModel Load(string path, Device? device = null, ScalarType? dtype = null)
    {
        using var source = ModelSource.Open(path);
        return Load(source, device, dtype);
    }

    /// <inheritdoc cref="Load(string, Device?, ScalarType?)"/>
    /// <param name="source">The model at rest; it is not needed afterwards.</param>
    /// <param name="device">The CPU by default.</param>
    /// <param name="dtype">Float32 by default, whatever the files hold.</param>
    public static StableDiffusionModel Load(IModelSource source, Device? device = null, ScalarType? dtype = null)
    {
        ModelParts.Check(source);
        return new StableDiffusionModel(source, device, dtype);
    }

    /// <summary>
    /// Goes over to noise that leaves nothing of the picture at its end, drawn from that end on (Lin et al., "Common
    /// Diffusion Noise Schedules and Sample Steps are Flawed"): for a model that was trained so.
    /// </summary>
    public void UseZeroTerminalSnr()
    {
        Scheduler = Scheduler with { RescaleBetasZeroSnr = true, TimestepSpacing = TimestepSpacing.Trailing };
        Schedule.Dispose();
        Schedule = new NoiseSchedule(Scheduler);
    }

    /// <summary>
    /// The text encoder's states of prompts, [n, tokens, width]; prompts are cut at the tokenizer's length.
    /// </summary>
    public Tensor EncodePrompts(IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        return TextEncoder.forward(Tokenize(prompts)).LastHiddenState.MoveToOuterDisposeScope();
    }

    /// <summary>Token ids of prompts, [n, tokens], on the model's device.</summary>
    public Tensor Tokenize(IReadOnlyList<string> prompts)
    {
        var length = Tokenizer.MaxLength;
        var ids = prompts.SelectMany(prompt => Tokenizer.Encode(prompt)).Select(id => (long)id).ToArray();
        return tensor(ids, [prompts.Count, length], dtype: ScalarType.Int64, device: TextEncoder.Device);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tower in TextEncoders)
        {
            tower.Dispose();
        }

        UNet.Dispose();
        Vae.Dispose();
        Schedule.Dispose();
    }
}
