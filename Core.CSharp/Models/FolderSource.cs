using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using Recipes.Core.Text;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Models;

/// <summary>A model folder in diffusers layout: model_index.json and a folder for each part.</summary>
public sealed class FolderSource : IModelSource
{
    private const string Cure = "Download the whole model folder again.";
    private readonly Dictionary<string, IReadOnlyList<string>> weights = [];
    private readonly SettingsFile index;

    /// <summary>Reads the configs, and finds the weights without reading them.</summary>
    /// <exception cref="RecipesException">A part is missing, is not supported, or contradicts another.</exception>
    public FolderSource(string folder)
    {
        Where = folder;
        if (!Directory.Exists(folder))
        {
            throw new RecipesException(
                folder, "there is no such folder", "Check the path, or download the model there.");
        }

        index = SettingsFile.Read(folder, "model_index.json");
        index.Only("_class_name", [.. PipelineClasses.All]);
        index.Only("requires_aesthetics_score", false);
        PipelineClass = index.Text("_class_name", PipelineClasses.TextToImage);
        string[] towers = PipelineClasses.IsXL(PipelineClass) ? ["", "_2"] : [""];
        UNet = ReadUNet(Part("unet"));
        Vae = VaeConfig.Read(Part("vae"));
        TextEncoders = [.. towers.Select(tower => ClipTextConfig.Read(Part("text_encoder" + tower)))];
        Tokenizers = [.. towers.Select(tower => ClipTokenizer.Load(Part("tokenizer" + tower)))];
        Scheduler = Corrected(SchedulerConfig.Read(Part("scheduler")), PipelineClass);
        LowResScheduler = PipelineClass == PipelineClasses.Upscaling
            ? SchedulerConfig.Read(Part("low_res_scheduler"))
            : null;
        ForceZerosForEmptyPrompt = towers.Length > 1 && index.Flag("force_zeros_for_empty_prompt", true);
        MaxNoiseLevel = (int)Math.Clamp(index.Integer("max_noise_level", 350), 0, int.MaxValue);
        ModelParts.Check(this);
        foreach (var component in new[] { "unet", "vae" })
        {
            weights[component] = WeightFiles.Find(Path.Combine(folder, component), "diffusion_pytorch_model");
        }

        foreach (var tower in towers)
        {
            weights["text_encoder" + tower] = WeightFiles.Find(Path.Combine(folder, "text_encoder" + tower), "model");
        }
    }

    /// <inheritdoc/>
    public string Where { get; }

    /// <inheritdoc/>
    public string PipelineClass { get; }

    /// <inheritdoc/>
    public UNetConfig UNet { get; }

    /// <inheritdoc/>
    public VaeConfig Vae { get; }

    /// <inheritdoc/>
    public IReadOnlyList<ClipTextConfig> TextEncoders { get; }

    /// <inheritdoc/>
    public IReadOnlyList<ClipTokenizer> Tokenizers { get; }

    /// <inheritdoc/>
    public SchedulerConfig Scheduler { get; }

    /// <inheritdoc/>
    public SchedulerConfig? LowResScheduler { get; }

    /// <inheritdoc/>
    public bool ForceZerosForEmptyPrompt { get; }

    /// <inheritdoc/>
    public int MaxNoiseLevel { get; }

    /// <inheritdoc/>
    public void Fill(nn.Module network, string component)
    {
        if (!weights.TryGetValue(component, out var paths))
        {
            throw new ArgumentException(
                $"{PipelineClass} has {string.Join(", ", weights.Keys)}, not {component}", nameof(component));
        }

        var files = new List<SafeTensorsFile>();
        try
        {
            foreach (var path in paths)
            {
                files.Add(SafeTensorsFile.Open(path));
            }

            var text = component.StartsWith("text", StringComparison.Ordinal);
            StateDict.Load(
                network, files, text ? WeightKeys.ForText : WeightKeys.ForDiffusers, Path.Combine(Where, component));
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }
    }

    /// <summary>Nothing is kept open.</summary>
    public void Dispose()
    {
    }

    /// <summary>As the reference's pipelines do to the schedulers of old models, whatever their files say.</summary>
    internal static SchedulerConfig Corrected(SchedulerConfig scheduler, string pipeline) => pipeline switch
    {
        PipelineClasses.TextToImage or PipelineClasses.ImageToImage =>
            scheduler with { StepsOffset = 1, ClipSample = false },
        PipelineClasses.Inpainting => scheduler with { StepsOffset = 1 },
        _ => scheduler,
    };

    /// <summary>Folders saved before diffusers 0.9 state latents of 32 for models of 64.</summary>
    private static UNetConfig ReadUNet(string folder)
    {
        var config = UNetConfig.Read(folder);
        var stated = SettingsFile.Read(folder).Text("_diffusers_version", "").Split('.', '-', '+');
        var old = stated.Length > 1 && stated[0] == "0" && int.TryParse(stated[1], out var minor) && minor < 9;
        return old && config.SampleSize < 64 ? config with { SampleSize = 64 } : config;
    }

    /// <summary>A part's folder, named in the index.</summary>
    private string Part(string name) =>
        index.IsFilled(name)
            ? Path.Combine(Where, name)
            : throw new RecipesException(index.Path, $"it names no {name}, which {PipelineClass} needs", Cure);
}
