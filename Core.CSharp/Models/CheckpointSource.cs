using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using Recipes.Core.Text;
using Recipes.Core.Weights;
using Recipes.Core.Weights.Original;
using static TorchSharp.torch;

namespace Recipes.Core.Models;

/// <summary>
/// A single-file Stable Diffusion 1, 2 or SDXL checkpoint in the layout of the original code (CompVis, Stability AI).
/// Its configs are inferred from its keys and shapes. What they cannot tell (heads, norms, noise, vocabulary) is that
/// of the public models, or what a folder of configs in diffusers layout states: NAME.configs beside NAME.safetensors.
/// </summary>
public sealed class CheckpointSource : IModelSource
{
    private readonly SafeTensorsFile file;
    private readonly OriginalCheckpoint checkpoint;

    private CheckpointSource(SafeTensorsFile file, OriginalCheckpoint checkpoint)
    {
        this.file = file;
        this.checkpoint = checkpoint;
        Scheduler = FolderSource.Corrected(checkpoint.Scheduler, checkpoint.PipelineClass);
        if (checkpoint.Configs.Part("", "model_index.json") is { } folder)
        {
            var index = SettingsFile.Read(folder, "model_index.json");
            ForceZerosForEmptyPrompt =
                TextEncoders.Count > 1 && index.Flag("force_zeros_for_empty_prompt", true);
            MaxNoiseLevel = (int)Math.Clamp(index.Integer("max_noise_level", MaxNoiseLevel), 0, int.MaxValue);
        }
        else
        {
            ForceZerosForEmptyPrompt = TextEncoders.Count > 1;
        }
    }

    /// <inheritdoc/>
    public string Where => checkpoint.Path;

    /// <inheritdoc/>
    public string PipelineClass => checkpoint.PipelineClass;

    /// <inheritdoc/>
    public UNetConfig UNet => checkpoint.UNet;

    /// <inheritdoc/>
    public VaeConfig Vae => checkpoint.Vae;

    /// <inheritdoc/>
    public IReadOnlyList<ClipTextConfig> TextEncoders => checkpoint.TextEncoders;

    /// <inheritdoc/>
    public IReadOnlyList<ClipTokenizer> Tokenizers => checkpoint.Tokenizers;

    /// <inheritdoc/>
    public SchedulerConfig Scheduler { get; }

    /// <inheritdoc/>
    public SchedulerConfig? LowResScheduler => checkpoint.LowResScheduler;

    /// <inheritdoc/>
    public bool ForceZerosForEmptyPrompt { get; }

    /// <inheritdoc/>
    public int MaxNoiseLevel { get; } = 350;

    /// <summary>Opens a checkpoint: reads its header and accounts for every key.</summary>
    /// <param name="path">The .safetensors file.</param>
    /// <param name="configs">
    /// A folder in diffusers layout with any of unet/config.json, vae/config.json, text_encoder/config.json,
    /// scheduler/scheduler_config.json, tokenizer/ (and those of the second text encoder); by default NAME.configs
    /// beside the file, where there is one.
    /// </param>
    /// <exception cref="RecipesException">
    /// It is a pickle, is broken, is something else than such a checkpoint, lacks keys, or holds keys that nothing
    /// uses.
    /// </exception>
    public static CheckpointSource Open(string path, string? configs = null)
    {
        OriginalCheckpoint.CheckName(path);
        var file = SafeTensorsFile.Open(path);
        try
        {
            var source = new CheckpointSource(file, OriginalCheckpoint.Read(file, configs));
            ModelParts.Check(source);
            return source;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Fill(nn.Module network, string component)
    {
        if (!checkpoint.Keys.TryGetValue(component, out var rows))
        {
            throw new ArgumentException(
                $"{PipelineClass} has {string.Join(", ", checkpoint.Keys.Keys)}, not {component}", nameof(component));
        }

        StateDict.Load(
            network,
            rows.ToDictionary(row => row.Diffusers, row => new TensorPart(file, row.Original, row.How)),
            $"{Where} ({component})");
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => file.Dispose();
}
