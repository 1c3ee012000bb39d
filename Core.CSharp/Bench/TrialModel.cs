using Recipes.Core.Imaging;
using Recipes.Core.Kernels;
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
        "StableDiffusionPipeline",
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

    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("recipes-trial-");

    public TrialModel() => RandomModel.Write(Shape, ModelFolder);

    private string ModelFolder => Path.Combine(folder.FullName, "model");

    /// <summary>The model in bfloat16 on the CUDA device, the same weights at each call.</summary>
    public StableDiffusionModel Load()
    {
        var model = StableDiffusionModel.Load(ModelFolder, CUDA, ScalarType.BFloat16);
        cuda.manual_seed(1);
        foreach (var network in (IEnumerable<nn.Module>)[model.UNet, model.Vae, .. model.TextEncoders])
        {
            Measurement.Fill(network);
        }

        return model;
    }

    /// <summary>A ControlNet for it, the same at each call.</summary>
    public static ControlNetModel Control(StableDiffusionModel model)
    {
        cuda.manual_seed(2);
        var network = new ControlNetModel(new ControlNetConfig { Encoder = Shape.UNet }, CUDA, ScalarType.BFloat16);
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
}
