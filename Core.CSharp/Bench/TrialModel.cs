using Recipes.Core.Imaging;
using Recipes.Core.Kernels;
using Recipes.Core.Models;
using Recipes.Core.Networks;
using Recipes.Core.Pipelines;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>
/// A small model of Stable Diffusion's parts with random weights, and pictures to train it on, in a folder of their own:
/// for comparisons of whole jobs, which take seconds.
/// </summary>
internal sealed class TrialModel : IDisposable
{
    /// <summary>Side of its pictures in pixels.</summary>
    public const int Side = 128;

    private static readonly ModelShape Shape = new(
        "trial",
        PipelineClasses.TextToImage,
        new UNetConfig
        {
            SampleSize = Side / 8,
            BlockOutChannels = [64, 128],
            DownBlockTypes = [UNetConfig.CrossDown, UNetConfig.CrossDown],
            UpBlockTypes = [UNetConfig.CrossUp, UNetConfig.CrossUp],
            LayersPerBlock = 1,
            CrossAttentionDim = 64,
            NormNumGroups = 16,
            AttentionHeads = [2],
        },
        new VaeConfig { SampleSize = Side, BlockOutChannels = [32, 32, 32, 32], LayersPerBlock = 1 },
        [new ClipTextConfig { HiddenSize = 64, IntermediateSize = 128, NumHiddenLayers = 2, NumAttentionHeads = 2 }]);

    private static readonly ModelShape UpscalerShape = Shape with
    {
        PipelineClass = PipelineClasses.Upscaling,
        UNet = Shape.UNet with { InChannels = 7, NumClassEmbeds = 1000 },
    };

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("recipes-trial-");
    private readonly Device device;

    /// <param name="device">Where models are loaded; the CUDA device by default.</param>
    public TrialModel(Device? device = null)
    {
        this.device = device ?? CUDA;
        RandomModel.Write(Shape, FolderOf(upscales: false));
        RandomModel.Write(UpscalerShape, FolderOf(upscales: true));
    }

    /// <summary>The model in bfloat16, the same weights at each call.</summary>
    /// <param name="upscales">Whether it is an upscaler: of small pictures as many times smaller as its latents.</param>
    public StableDiffusionModel Load(bool upscales = false)
    {
        var model = StableDiffusionModel.Load(FolderOf(upscales), device, ScalarType.BFloat16);
        Measurement.Seed(device, 1);
        foreach (var network in (IEnumerable<nn.Module>)[model.UNet, model.Vae, .. model.TextEncoders])
        {
            Measurement.Fill(network);
        }

        return model;
    }

    /// <summary>A ControlNet for it, the same at each call.</summary>
    public static ControlNetModel Control(StableDiffusionModel model)
    {
        Measurement.Seed(model.Device, 2);
        var network = new ControlNetModel(new ControlNetConfig { Encoder = Shape.UNet }, model.Device, ScalarType.BFloat16);
        Measurement.Fill(network);
        FusedNetworks.Prepare(model.UNet);
        return network;
    }

    /// <summary>A file with a picture of smooth colours; those of <paramref name="number"/> 0 and up differ.</summary>
    public string Picture(int number, int width = Side, int height = Side)
    {
        var path = Path.Combine(folder.FullName, $"{number}-{width}x{height}.png");
        if (!File.Exists(path))
        {
            var image = new Image(width, height);
            for (var y = 0; y < height; y++)
            {
                for (var at = 0; at < width * Image.Channels; at++)
                {
                    image.Row(y)[at] = (byte)(127 + (120 * Math.Sin((number + 1) * ((0.02 * at) + (0.05 * y)))));
                }
            }

            ImageFile.WritePng(path, image);
        }

        return path;
    }

    /// <summary>A file with a mask: white in the middle.</summary>
    public string Mask()
    {
        var path = Path.Combine(folder.FullName, "mask.png");
        if (!File.Exists(path))
        {
            var image = new Image(Side, Side);
            for (var y = Side / 4; y < 3 * Side / 4; y++)
            {
                image.Row(y)[(Image.Channels * Side / 4)..(3 * Image.Channels * Side / 4)].Fill(255);
            }

            ImageFile.WritePng(path, image);
        }

        return path;
    }

    /// <inheritdoc/>
    public void Dispose() => folder.Delete(true);

    private string FolderOf(bool upscales) => Path.Combine(folder.FullName, upscales ? "upscaler" : "model");
}
