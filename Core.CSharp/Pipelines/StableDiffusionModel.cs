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
        Check(folder, tokenizer, textEncoder.Config, unet.Config, vae.Config);
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

    /// <summary>
    /// Reads a model folder in diffusers layout. The weights are frozen (no gradients) and ready to use.
    /// </summary>
    /// <param name="folder">Holds model_index.json, tokenizer, text_encoder, unet, vae and scheduler.</param>
    /// <param name="device">The CPU by default.</param>
    /// <param name="dtype">Float32 by default, whatever the files hold.</param>
    /// <exception cref="RecipesException">
    /// A part is missing, is not supported, or its weights do not fit its config.
    /// </exception>
    public static StableDiffusionModel Load(string folder, Device? device = null, ScalarType? dtype = null)
    {
        var index = SettingsFile.Read(folder, "model_index.json");
        index.Only("_class_name", "StableDiffusionPipeline");
        var tokenizer = ClipTokenizer.Load(Path.Combine(folder, "tokenizer"));
        var textConfig = ClipTextConfig.Read(Path.Combine(folder, "text_encoder"));
        var unetConfig = UNetConfig.Read(Path.Combine(folder, "unet"));
        var vaeConfig = VaeConfig.Read(Path.Combine(folder, "vae"));
        Check(folder, tokenizer, textConfig, unetConfig, vaeConfig);
        // As the reference's pipeline does to the schedulers of old models, whatever their files say.
        var scheduler = SchedulerConfig.Read(Path.Combine(folder, "scheduler")) with
        {
            StepsOffset = 1,
            ClipSample = false,
        };
        var text = new ClipTextModel(textConfig, device, dtype);
        Fill(text, Path.Combine(folder, "text_encoder"), "model", WeightKeys.ForText);
        var unet = new UNet2DConditionModel(unetConfig, device, dtype);
        Fill(unet, Path.Combine(folder, "unet"), "diffusion_pytorch_model", WeightKeys.ForDiffusers);
        var vae = new AutoencoderKL(vaeConfig, device, vaeConfig.ForceUpcast && dtype == float16 ? float32 : dtype);
        Fill(vae, Path.Combine(folder, "vae"), "diffusion_pytorch_model", WeightKeys.ForDiffusers);
        return new StableDiffusionModel(folder, tokenizer, text, unet, vae, scheduler);
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
        TextEncoder.Dispose();
        UNet.Dispose();
        Vae.Dispose();
        Schedule.Dispose();
    }

    /// <summary>Refuses parts that do not belong together.</summary>
    private static void Check(
        string folder, ClipTokenizer tokenizer, ClipTextConfig text, UNetConfig unet, VaeConfig vae)
    {
        Require(
            text.HiddenSize == unet.CrossAttentionDim,
            $"the text encoder's states are {text.HiddenSize} wide (hidden_size), "
                + $"the UNet looks at {unet.CrossAttentionDim} (cross_attention_dim)");
        Require(
            unet.InChannels == vae.LatentChannels && unet.OutChannels == vae.LatentChannels,
            $"the UNet maps {unet.InChannels} to {unet.OutChannels} channels (in_channels, out_channels), "
                + $"the latents have {vae.LatentChannels} (latent_channels)");
        Require(
            tokenizer.Count <= text.VocabSize,
            $"the tokenizer knows {tokenizer.Count} tokens, the text encoder {text.VocabSize} (vocab_size)");
        Require(
            tokenizer.MaxLength <= text.MaxPositionEmbeddings,
            $"the tokenizer gives {tokenizer.MaxLength} tokens (model_max_length), "
                + $"the text encoder takes {text.MaxPositionEmbeddings} (max_position_embeddings)");
        void Require(bool holds, string fault)
        {
            if (!holds)
            {
                throw new RecipesException(folder, fault, "Put the parts of one text-to-image model in the folder.");
            }
        }
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
