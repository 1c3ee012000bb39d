using Recipes.Core.Adapters;
using Recipes.Core.Costs;
using Recipes.Core.Networks;
using Recipes.Core.Training;

namespace Recipes.Core.Bench;

/// <summary>What a job of the benchmarks costs by its shapes alone.</summary>
/// <param name="Flops">Floating-point operations of a step, or of drawing the pictures of a batch.</param>
/// <param name="Memory">Estimate of the most bytes held.</param>
public sealed record JobCost(double Flops, long Memory)
{
    private const long Tokens = 77;

    /// <summary>A step that trains adapters, or all weights where there are none.</summary>
    /// <param name="unet">The UNet.</param>
    /// <param name="adapters">What is trained; null for all weights.</param>
    /// <param name="pictures">Of a pass.</param>
    /// <param name="options">Checkpointing and moments.</param>
    public static JobCost Training(
        UNet2DConditionModel unet, IReadOnlyList<LoraAdapter>? adapters, long pictures, BenchOptions options)
    {
        var place = Place(unet, 0);
        var ranks = adapters?.ToDictionary(adapter => adapter.Path, adapter => adapter.Rank)
            ?? place.UNet.ToDictionary(layer => layer.Name, _ => 0);
        var narrow = options.Moments == Precision.BFloat16;
        var memory = new TrainingMemory
        {
            Place = place,
            Pictures = pictures,
            Trained = ranks.Keys.ToHashSet(),
            Parameters = adapters?.Sum(adapter => adapter.Down.numel() + adapter.Up.numel()) ?? place.Parameters,
            Beside = adapters is not null,
            MomentBytes = narrow ? 4 : 8,
            WideGradients = !place.Cuda,
            Checkpointing = options.Checkpointing,
        };
        return new JobCost(pictures * Of(place).Training(ranks), memory.Estimate().Total);
    }

    /// <summary>Drawing from noise to pixels, texts encoded before.</summary>
    /// <param name="unet">The UNet.</param>
    /// <param name="vae">Decodes.</param>
    /// <param name="control">Leads, or null.</param>
    /// <param name="options">Pictures and steps.</param>
    public static JobCost Drawing(
        UNet2DConditionModel unet, AutoencoderKL vae, ControlNetModel? control, BenchOptions options)
    {
        var rows = 2 * options.Batch;
        var beside = NetworkLayers.Parameters(vae) + (control is null ? 0 : NetworkLayers.Parameters(control));
        var place = Place(unet, beside);
        var networks = new List<NetworkFlops> { Of(place) };
        if (control is not null)
        {
            // The hint was taken to the latents' size before.
            var layers = NetworkLayers.Of(control, "controlnet")
                .Where(layer => !layer.Name.StartsWith("controlnet_cond_embedding.", StringComparison.Ordinal));
            networks.Add(new NetworkFlops(Placement.Of(layers), place.Height, place.Width, Tokens));
        }

        var (coder, factor) = (NetworkLayers.Of(vae, "vae"), vae.Config.Factor);
        var decoder = Placement.Of(coder.Where(
            layer => layer.Name.StartsWith("decoder.", StringComparison.Ordinal)));
        var decoding = new NetworkFlops(decoder, factor * place.Height, factor * place.Width, Tokens);
        var memory = new DrawingMemory { Place = place, Vae = coder, Rows = rows, Factor = factor };
        return new JobCost(
            networks.Sum(network => rows * (network.Texts() + (options.Steps * network.Forward(keptTexts: true))))
                + (options.Batch * decoding.Forward()),
            memory.Estimate().Total);
    }

    private static NetworkFlops Of(Workplace place) =>
        new(Placement.Of(place.UNet), place.Height, place.Width, place.Tokens);

    private static Workplace Place(UNet2DConditionModel unet, long beside) => new()
    {
        UNet = NetworkLayers.Of(unet, "unet"),
        Parameters = NetworkLayers.Parameters(unet) + beside,
        Height = unet.Config.SampleSize,
        Width = unet.Config.SampleSize,
        Precision = unet.DType == TorchSharp.torch.ScalarType.BFloat16 ? Precision.BFloat16 : Precision.Float32,
        Cuda = unet.Device.type == TorchSharp.DeviceType.CUDA,
        Tokens = Tokens,
    };
}
