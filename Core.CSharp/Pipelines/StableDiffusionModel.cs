using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using Recipes.Core.Text;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>A latent text-to-image model of the Stable Diffusion 1 and 2 families and all its parts.</summary>
public sealed class StableDiffusionModel : IDisposable
{
    /// <summary>The parts become this object's own.</summary>
    public StableDiffusionModel(
        string folder,
        ClipTokenizer tokenizer,
        ClipTextModel textEncoder,
        UNet2DConditionModel unet,
        AutoencoderKL vae,
        SchedulerConfig scheduler)
    {
        if (textEncoder.Config.HiddenSize != unet.Config.CrossAttentionDim)
        {
            throw new RecipesException(
                folder,
                $"the text encoder's states are {textEncoder.Config.HiddenSize} wide, "
                    + $"the UNet looks at {unet.Config.CrossAttentionDim} (cross_attention_dim)",
                "Use the text encoder and the UNet of one model.");
        }

        if (tokenizer.Count > textEncoder.Config.VocabSize)
        {
            throw new RecipesException(
                folder,
                $"the tokenizer knows {tokenizer.Count} tokens, the text encoder {textEncoder.Config.VocabSize} (vocab_size)",
                "Use the tokenizer and the text encoder of one model.");
        }

        Folder = folder;
        Tokenizer = tokenizer;
        TextEncoder = textEncoder;
        UNet = unet;
        Vae = vae;
        Scheduler = scheduler;
        Schedule = new NoiseSchedule(scheduler);
    }

    /// <summary>Where it was read from.</summary>
    public string Folder { get; }

    public ClipTokenizer Tokenizer { get; }

    public ClipTextModel TextEncoder { get; }

    public UNet2DConditionModel UNet { get; }

    public AutoencoderKL Vae { get; }

    /// <summary>The noise it was trained with.</summary>
    public SchedulerConfig Scheduler { get; }

    /// <summary>The same as numbers.</summary>
    public NoiseSchedule Schedule { get; }

    /// <summary>Where it computes.</summary>
    public Device Device => UNet.Device;

    /// <summary>Reads a model folder in diffusers layout. The weights are frozen (no gradients) and ready to use.</summary>
    /// <param name="folder">Holds model_index.json, tokenizer, text_encoder, unet, vae and scheduler.</param>
    /// <param name="device">The CPU by default.</param>
    /// <param name="dtype">Float32 by default, whatever the files hold.</param>
    /// <exception cref="RecipesException">A part is missing, is not supported, or its weights do not fit its config.</exception>
    public static StableDiffusionModel Load(string folder, Device? device = null, ScalarType? dtype = null)
    {
        var index = SettingsFile.Read(folder, "model_index.json");
        index.Only("_class_name", "StableDiffusionPipeline");
        var tokenizer = ClipTokenizer.Load(Path.Combine(folder, "tokenizer"));
        var text = new ClipTextModel(ClipTextConfig.Read(Path.Combine(folder, "text_encoder")), device, dtype);
        Fill(text, Path.Combine(folder, "text_encoder"), "model", WeightKeys.ForText);
        var unet = new UNet2DConditionModel(UNetConfig.Read(Path.Combine(folder, "unet")), device, dtype);
        Fill(unet, Path.Combine(folder, "unet"), "diffusion_pytorch_model", WeightKeys.ForDiffusers);
        var config = VaeConfig.Read(Path.Combine(folder, "vae"));
        var vae = new AutoencoderKL(config, device, config.ForceUpcast && dtype == float16 ? float32 : dtype);
        Fill(vae, Path.Combine(folder, "vae"), "diffusion_pytorch_model", WeightKeys.ForDiffusers);

        // As the reference's pipeline does to the schedulers of old models, whatever their files say.
        var scheduler = SchedulerConfig.Read(Path.Combine(folder, "scheduler")) with
        {
            StepsOffset = 1,
            ClipSample = false,
        };
        return new StableDiffusionModel(folder, tokenizer, text, unet, vae, scheduler);
    }

    /// <summary>The text encoder's states of prompts, [n, tokens, width]; prompts are cut at the tokenizer's length.</summary>
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
        TextEncoder.Dispose();
        UNet.Dispose();
        Vae.Dispose();
        Schedule.Dispose();
    }

    private static void Fill(nn.Module network, string folder, string stem, Func<string, string?> rename)
    {
        var files = new List<SafeTensorsFile>();
        try
        {
            foreach (var path in WeightFiles.Find(folder, stem))
            {
                files.Add(SafeTensorsFile.Open(path));
            }

            StateDict.Load(network, files, rename, folder);
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }

        network.eval();
        foreach (var parameter in network.parameters())
        {
            parameter.requires_grad = false;
        }
    }
}
