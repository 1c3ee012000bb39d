using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using Recipes.Core.Text;
using Recipes.Core.Training;
using Recipes.Core.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket.Pretraining;

/// <summary>
/// Trains the embedded model from icons, stage by stage: autoencoder, text encoder (as one half of a CLIP), the
/// independent CLIP that evaluates, the denoiser, which needs the autoencoder and the text encoder, and the upscaler,
/// which needs an autoencoder of its own and the same text encoder.
/// </summary>
public sealed class Pretraining : IDisposable
{
    private const string Weights = "diffusion_pytorch_model.safetensors";
    private const int AlikeGroup = 128;
    private const int LatentBatch = 256;
    private readonly PretrainingOptions options;
    private readonly IProgress<StageProgress> progress;
    private readonly CancellationToken cancellation;
    private readonly ClipTokenizer tokenizer;
    private readonly IconPack pack;
    private readonly SceneCache scenes;

    /// <summary>Opens the icons and composes the training scenes.</summary>
    public Pretraining(PretrainingOptions options, IProgress<StageProgress> progress, CancellationToken cancellation)
    {
        this.options = options;
        this.progress = progress;
        this.cancellation = cancellation;
        tokenizer = ClipTokenizer.Load(options.Tokenizer);
        pack = IconPack.Open(options.Icons);
        scenes = Compose(0);
    }

    private ScalarType ComputeType =>
        options.Device.type == DeviceType.CUDA ? ScalarType.BFloat16 : ScalarType.Float32;

    /// <summary>The autoencoder; its scaling factor becomes one over the latents' standard deviation.</summary>
    /// <param name="config">Its shape.</param>
    /// <param name="stage">The budget.</param>
    /// <param name="folder">Takes config.json and the weights.</param>
    /// <returns>Whether the last step was reached.</returns>
    public bool Autoencoder(VaeConfig config, StageOptions stage, string folder)
    {
        using var vae = Fresh((device, type) => new AutoencoderKL(config, device, type), stage);
        var result = VaeStage.Run(vae, _ => scenes.Pictures(scenes.Any(stage.Batch)), stage, progress, cancellation);
        using var kept = result.Weights;
        SafeTensorsWriter.Write(Path.Combine(folder, Weights), kept.Tensors);
        using var exact = new AutoencoderKL(config, options.Device, ScalarType.Float32);
        kept.CopyTo(exact);
        (config with { ScalingFactor = 1 / Deviation(exact) }).Write(folder);
        return result.Done;
    }

    /// <summary>A CLIP tower pair.</summary>
    /// <param name="config">Its shape.</param>
    /// <param name="stage">The budget; another seed makes an independent pair.</param>
    /// <param name="folder">Takes config.json and model.safetensors.</param>
    /// <param name="textOnly">Keep the text tower alone, as a Stable Diffusion text encoder.</param>
    /// <returns>Whether the last step was reached.</returns>
    public bool Towers(ClipConfig config, StageOptions stage, string folder, bool textOnly)
    {
        using var clip = Fresh((device, type) => new ClipModel(config, device, type), stage);
        var processor = ClipImageProcessor.Read(options.Processor);
        var streams = new RandomStreams(stage.Seed);
        using var varied = stage.Vary > 0 ? Compose(stage.Vary) : null;
        var shown = varied ?? scenes;
        var result = ClipStage.Run(
            clip,
            step =>
            {
                var random = new Random((int)(uint)streams.Seed(RandomStreams.Order, step));
                var pick = step % 2 == 0 ? shown.Any(stage.Batch) : shown.Alike(stage.Batch, AlikeGroup, random);
                return (processor.Standardise(shown.Pictures(pick)), shown.Ids[pick].to(ScalarType.Int64));
            },
            stage,
            progress,
            cancellation);
        using var kept = result.Weights;
        var tensors = textOnly
            ? kept.Tensors.Where(item => item.Key.StartsWith("text_model.", StringComparison.Ordinal))
            : kept.Tensors;
        SafeTensorsWriter.Write(Path.Combine(folder, "model.safetensors"), tensors);
        if (textOnly)
        {
            config.Text.Write(folder);
        }
        else
        {
            config.Write(folder);
        }

        return result.Done;
    }

    /// <summary>The denoiser, on latents of the scenes.</summary>
    /// <param name="config">Its shape.</param>
    /// <param name="stage">The budget.</param>
    /// <param name="model">
    /// The model's folder: its autoencoder, text encoder and scheduler are read, unet/ takes config.json and the
    /// weights.
    /// </param>
    /// <returns>Whether the last step was reached.</returns>
    public bool Denoiser(UNetConfig config, StageOptions stage, string model)
    {
        using var text = LoadText(Path.Combine(model, "text_encoder"));
        using var latents = Latents(Path.Combine(model, "vae"));
        using var schedule = new NoiseSchedule(SchedulerConfig.Read(Path.Combine(model, "scheduler")));
        using var unet = Fresh((device, type) => new UNet2DConditionModel(config, device, type), stage);
        using var empty = EmptyIds();
        var result = UNetStage.Run(
            unet, text, schedule, latents, scenes.Ids, empty, stage, progress, cancellation);
        using var kept = result.Weights;
        var folder = Path.Combine(model, "unet");
        SafeTensorsWriter.Write(Path.Combine(folder, Weights), kept.Tensors);
        config.Write(folder);
        return result.Done;
    }

    /// <summary>The upscaler, on latents of the scenes beside the scenes made small.</summary>
    /// <param name="config">Its shape.</param>
    /// <param name="stage">The budget.</param>
    /// <param name="model">
    /// The upscaler's folder: its autoencoder, text encoder, scheduler and low_res_scheduler are read, unet/ takes
    /// config.json and the weights.
    /// </param>
    /// <returns>Whether the last step was reached.</returns>
    public bool Upscaler(UNetConfig config, StageOptions stage, string model)
    {
        using var text = LoadText(Path.Combine(model, "text_encoder"));
        using var latents = Latents(Path.Combine(model, "vae"));
        using var schedule = new NoiseSchedule(SchedulerConfig.Read(Path.Combine(model, "scheduler")));
        using var small = new NoiseSchedule(SchedulerConfig.Read(Path.Combine(model, "low_res_scheduler")));
        using var unet = Fresh((device, type) => new UNet2DConditionModel(config, device, type), stage);
        using var empty = EmptyIds();
        var result = UpscalerStage.Run(
            unet,
            text,
            new UpscalerNoise(schedule, small, PocketShape.UpscalerNoiseLevels),
            new UpscalerData(latents, scenes.Pictures, scenes.Ids, empty),
            stage,
            progress,
            cancellation);
        using var kept = result.Weights;
        var folder = Path.Combine(model, "unet");
        SafeTensorsWriter.Write(Path.Combine(folder, Weights), kept.Tensors);
        config.Write(folder);
        return result.Done;
    }

    /// <summary>Mean PSNR in dB of the reconstructions of pictures, bytes [n, 3, side, side].</summary>
    public static double Psnr(AutoencoderKL vae, Tensor pictures)
    {
        using var scope = NewDisposeScope();
        var batches = pictures.split(64).Select(bytes => VaeStage.Psnr(vae, SceneCache.Scaled(bytes)));
        return cat([.. batches]).mean().item<float>();
    }

    /// <inheritdoc/>
    public void Dispose() => scenes.Dispose();

    private SceneCache Compose(double vary) =>
        SceneCache.Compose(pack, tokenizer, options.Scenes, options.Seed, options.Device, vary);

    /// <summary>
    /// A network with first weights. They are drawn on the CPU, so that a seed gives the same on every device.
    /// </summary>
    private T Fresh<T>(Func<Device, ScalarType, T> make, StageOptions stage)
        where T : nn.Module
    {
        using var _ = no_grad();
        using var drawn = make(CPU, ScalarType.Float32);
        using var generator = new RandomStreams(stage.Seed).Generator(RandomStreams.Init, 0);
        Initialisation.Fill(drawn, generator);
        var network = make(options.Device, ComputeType);
        foreach (var (to, from) in network.parameters().Zip(drawn.parameters()))
        {
            to.copy_(from);
        }

        return network;
    }

    /// <summary>Token ids of the empty caption, [length].</summary>
    private Tensor EmptyIds() =>
        CaptionTokens.Encode(tokenizer, [""]).to(ScalarType.Int64).to(options.Device).reshape(-1);

    private ClipTextModel LoadText(string folder)
    {
        var text = new ClipTextModel(ClipTextConfig.Read(folder), options.Device, ComputeType);
        using var file = SafeTensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        StateDict.Load(text, [file], WeightKeys.ForText, folder);
        return text;
    }

    /// <summary>The scaled means of every scene's latents, float16 on the device.</summary>
    private Tensor Latents(string folder)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        using var vae = new AutoencoderKL(VaeConfig.Read(folder), options.Device, ScalarType.Float32);
        using var file = SafeTensorsFile.Open(Path.Combine(folder, Weights));
        StateDict.Load(vae, [file], WeightKeys.ForDiffusers, folder);
        Tensor? latents = null;
        for (long at = 0; at < scenes.Count; at += LatentBatch)
        {
            using var batch = NewDisposeScope();
            var numbers = arange(at, Math.Min(at + LatentBatch, scenes.Count), device: options.Device);
            var mean = vae.Encode(scenes.Pictures(numbers)).Mean * vae.Config.ScalingFactor;
            latents ??= torch.empty(
                [scenes.Count, .. mean.shape[1..]], dtype: ScalarType.Float16, device: options.Device)
                .DetachFromDisposeScope();
            latents.narrow(0, at, mean.shape[0]).copy_(mean);
        }

        return latents!;
    }

    private double Deviation(AutoencoderKL vae)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var latents = arange(0, Math.Min(4096, scenes.Count), device: options.Device).split(256)
            .Select(pick => vae.Encode(scenes.Pictures(pick)).Mean);
        return cat([.. latents]).std().item<float>();
    }
}
