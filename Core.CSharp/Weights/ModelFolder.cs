using System.Text.Json;
using Recipes.Core.Models;
using Recipes.Core.Schedules;
using Recipes.Core.Text;
using Recipes.Core.Weights.Original;

namespace Recipes.Core.Weights;

/// <summary>
/// What a Stable Diffusion model says about itself, a folder in diffusers layout or a single file in the original one,
/// from its configs and the headers of its weights alone: fast, and without libtorch, so that a plan can be checked
/// against it.
/// </summary>
public sealed class ModelFolder
{
    private const string Cure = "Download the whole model folder again.";
    private readonly Lazy<string> sha256;
    private readonly Lazy<ClipTokenizer> tokenizer;

    internal ModelFolder(
        string path,
        IReadOnlyDictionary<string, IReadOnlyList<string>> weights,
        Func<ClipTokenizer> tokenizer,
        Func<string> sha256)
    {
        Path = path;
        Weights = weights;
        this.tokenizer = new Lazy<ClipTokenizer>(tokenizer);
        this.sha256 = new Lazy<string>(sha256);
    }

    /// <summary>The folder or file.</summary>
    public string Path { get; }

    /// <summary>The weight files of each component: unet, vae, text_encoder and, for SDXL, text_encoder_2.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<string>> Weights { get; }

    /// <summary>The pipeline's class, such as StableDiffusionPipeline.</summary>
    public required string PipelineClass { get; init; }

    /// <summary>
    /// X4 of an upscaler; else SD1, SD2 or SDXL, by structure: two text encoders, or linear projections in the UNet.
    /// </summary>
    public required string Family { get; init; }

    /// <summary>The side of the square pictures it was trained on, in pixels.</summary>
    public required int NativeSize { get; init; }

    /// <summary>How many pixels one latent stands for along each side.</summary>
    public required int LatentFactor { get; init; }

    /// <summary>
    /// Channels that the UNet takes: 4, or 9 for inpainting, 8 for editing by instruction and 7 for enlarging.
    /// </summary>
    public required int InChannels { get; init; }

    /// <summary>The width of the text embeddings that the UNet attends to.</summary>
    public required int CrossAttentionDim { get; init; }

    /// <summary>What the UNet predicts: epsilon, v_prediction or sample.</summary>
    public required string PredictionType { get; init; }

    /// <summary>The highest noise level of an upscaler's small pictures; null of other models.</summary>
    public int? HighestNoise { get; init; }

    /// <summary>Weights of all components together.</summary>
    public required long ParameterCount { get; init; }

    /// <summary>Weights of the UNet alone.</summary>
    public required long UNetParameterCount { get; init; }

    /// <summary>Weights of the text encoders.</summary>
    public required long TextParameterCount { get; init; }

    /// <summary>Bytes of all weight files together.</summary>
    public required long Bytes { get; init; }

    /// <summary>Every linear map and convolution of the UNet and the text encoders.</summary>
    public required IReadOnlyList<LayerInfo> Layers { get; init; }

    /// <summary>Every linear map and convolution of the autoencoder.</summary>
    public required IReadOnlyList<LayerInfo> VaeLayers { get; init; }

    /// <summary>The tokenizer of the first text encoder, read once.</summary>
    public ClipTokenizer Tokenizer => tokenizer.Value;

    /// <summary>
    /// SHA-256 over the names and bytes of the weight files, in hexadecimal; reads them all, once. Of a single file it
    /// is the hash of its bytes, as model sites state it.
    /// </summary>
    public string Sha256 => sha256.Value;

    /// <summary>Reads a folder, or a single-file checkpoint.</summary>
    /// <exception cref="RecipesException">A part is missing, broken, or of a kind that is not supported.</exception>
    public static ModelFolder Read(string path)
    {
        if (File.Exists(path))
        {
            return CheckpointFacts.Read(path);
        }

        if (!Directory.Exists(path))
        {
            throw new RecipesException(
                path, "there is no such folder or file", "Check the path, or download the model there.");
        }

        var index = ConfigFile.Read(
            System.IO.Path.Combine(path, "model_index.json"),
            "Name the folder that holds model_index.json, unet/ and vae/.");
        var pipeline = index.Text("_class_name") ?? "no class";
        var components = Components(index);
        foreach (var needed in new[] { "unet", "vae", "text_encoder", "tokenizer", "scheduler" })
        {
            if (!components.Contains(needed))
            {
                throw new RecipesException(
                    index.Path,
                    $"it names no {needed} ({pipeline})",
                    "Choose a Stable Diffusion 1, Stable Diffusion 2 or SDXL model.");
            }
        }

        ConfigFile Config(string component, string file = "config.json") =>
            ConfigFile.Read(System.IO.Path.Combine(path, component, file), Cure);
        var unet = Config("unet");
        var factor = 1 << Math.Min(Config("vae").Count("block_out_channels") - 1, 8);
        CheckTokenizer(path);
        Samplers.Check(SchedulerConfig.Read(System.IO.Path.Combine(path, "scheduler")));

        var weights = new OrderedDictionary<string, IReadOnlyList<string>>();
        foreach (var component in new[] { "unet", "vae", "text_encoder", "text_encoder_2" }.Where(components.Contains))
        {
            weights[component] = WeightFiles.Find(
                System.IO.Path.Combine(path, component),
                component.StartsWith("text", StringComparison.Ordinal) ? "model" : "diffusion_pytorch_model");
        }

        var contents = Contents.Read(
            weights, (component, tensors) => ConfigWitness.Check(component, Config(component), tensors));
        return new ModelFolder(
            path,
            weights,
            () => ClipTokenizer.Load(System.IO.Path.Combine(path, "tokenizer")),
            () => FolderHash.Of(path, weights.Values.SelectMany(files => files)))
        {
            PipelineClass = pipeline,
            Family = pipeline == PipelineClasses.Upscaling ? "X4"
                : components.Contains("text_encoder_2") ? "SDXL"
                : unet.Flag("use_linear_projection") ? "SD2"
                : "SD1",
            NativeSize = SampleSize(unet) * factor,
            LatentFactor = factor,
            InChannels = unet.Number("in_channels"),
            CrossAttentionDim = unet.Number("cross_attention_dim"),
            PredictionType = Config("scheduler", "scheduler_config.json").Text("prediction_type") ?? "epsilon",
            HighestNoise = pipeline == PipelineClasses.Upscaling
                ? Math.Min(
                    index.NumberOr("max_noise_level", 350),
                    Math.Min(
                        Config("low_res_scheduler", "scheduler_config.json").NumberOr("num_train_timesteps", 1000),
                        unet.Number("num_class_embeds")) - 1)
                : null,
            ParameterCount = contents.Parameters,
            UNetParameterCount = contents.UNet,
            TextParameterCount = contents.Text,
            Bytes = contents.Bytes,
            Layers = contents.Layers,
            VaeLayers = contents.VaeLayers,
        };
    }

    /// <summary>The components that are there: pairs of library and class, [null, null] for an absent one.</summary>
    private static HashSet<string> Components(ConfigFile index) =>
    [
        .. index.Properties
            .Where(pair => pair.Value.ValueKind == JsonValueKind.Array && pair.Value.GetArrayLength() == 2
                && pair.Value[1].ValueKind == JsonValueKind.String)
            .Select(pair => pair.Name),
    ];

    /// <summary>
    /// The side of the UNet's latents. Folders saved by diffusers before 0.9 state 32 for models of 64; diffusers
    /// itself corrects that when it loads them.
    /// </summary>
    private static int SampleSize(ConfigFile unet)
    {
        var stated = unet.Number("sample_size");
        var old = Version.TryParse(unet.Text("_diffusers_version")?.Split('-', '+')[0], out var version)
            && version < new Version(0, 9, 0);
        return old ? Math.Max(stated, 64) : stated;
    }

    private static void CheckTokenizer(string path)
    {
        foreach (var file in new[] { "vocab.json", "merges.txt" })
        {
            var wanted = System.IO.Path.Combine(path, "tokenizer", file);
            if (!File.Exists(wanted))
            {
                throw new RecipesException(wanted, "there is no such file", Cure);
            }
        }
    }

    /// <summary>What the headers of all weight files hold.</summary>
    private sealed record Contents(
        long Parameters, long UNet, long Text, long Bytes, IReadOnlyList<LayerInfo> Layers, IReadOnlyList<LayerInfo> VaeLayers)
    {
        public static Contents Read(
            IEnumerable<KeyValuePair<string, IReadOnlyList<string>>> weights,
            Action<string, IReadOnlyList<TensorInfo>> check)
        {
            var (parameters, unet, text, bytes, layers) = (0L, 0L, 0L, 0L, new List<LayerInfo>());
            foreach (var (component, files) in weights)
            {
                var tensors = new List<TensorInfo>();
                foreach (var path in files)
                {
                    using var file = SafeTensorsFile.Open(path);
                    tensors.AddRange(file.Tensors.Values);
                    bytes += new FileInfo(path).Length;
                }

                check(component, tensors);

                // Old text encoders keep their position numbers, whole numbers, beside the weights.
                var count = tensors.Where(tensor => tensor.DType != DType.I64).Sum(tensor => tensor.Count);
                parameters += count;
                unet += component == "unet" ? count : 0;
                text += component.StartsWith("text", StringComparison.Ordinal) ? count : 0;
                var names = tensors.Select(tensor => tensor.Name).ToHashSet();
                layers.AddRange(tensors
                    .Select(tensor => LayerInfo.Of(component, tensor, names))
                    .OfType<LayerInfo>());
            }

            var ordered = layers.OrderBy(layer => layer.Component, StringComparer.Ordinal)
                .ThenBy(layer => layer.Name, StringComparer.Ordinal)
                .ToLookup(layer => layer.Component == "vae");
            return new Contents(parameters, unet, text, bytes, [.. ordered[false]], [.. ordered[true]]);
        }
    }
}
