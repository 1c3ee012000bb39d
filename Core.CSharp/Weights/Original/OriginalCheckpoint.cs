using Recipes.Core.Models;
using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using Recipes.Core.Text;

namespace Recipes.Core.Weights.Original;

/// <summary>
/// What a single-file Stable Diffusion 1, 2 or SDXL checkpoint in the original layout holds, from its header: every key
/// is accounted for, no weight is read, and libtorch is not needed.
/// </summary>
internal sealed class OriginalCheckpoint
{
    private const int Listed = 10;
    private static readonly string[] Pickles = [".ckpt", ".pt", ".pth", ".bin"];

    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>One of <see cref="PipelineClasses"/>.</summary>
    public required string PipelineClass { get; init; }

    /// <summary>SD1, SD2 or SDXL.</summary>
    public required string Family { get; init; }

    public required UNetConfig UNet { get; init; }

    public required VaeConfig Vae { get; init; }

    public required IReadOnlyList<ClipTextConfig> TextEncoders { get; init; }

    public required IReadOnlyList<ClipTokenizer> Tokenizers { get; init; }

    public required SchedulerConfig Scheduler { get; init; }

    public required SchedulerConfig? LowResScheduler { get; init; }

    /// <summary>The keys of each component.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<KeyRow>> Keys { get; init; }

    /// <summary>Where what the shapes cannot tell was looked for.</summary>
    public required CheckpointConfigs Configs { get; init; }

    /// <summary>Refuses what is no safetensors file, above all pickles.</summary>
    /// <exception cref="RecipesException">The file's name ends in another way.</exception>
    public static void CheckName(string path)
    {
        var extension = System.IO.Path.GetExtension(path).ToLowerInvariant();
        if (Pickles.Contains(extension))
        {
            throw new RecipesException(
                path,
                $"it is a pickle ({extension}), which may run code when it is opened",
                "Download the safetensors version, or convert the file with a tool and on a machine you can spare.");
        }

        if (extension != ".safetensors")
        {
            throw new RecipesException(
                path,
                $"it is a file of another kind ({(extension.Length > 0 ? extension : "no extension")})",
                "Name a model folder in diffusers layout or a .safetensors checkpoint.");
        }
    }

    /// <summary>Reads the header of an open file.</summary>
    /// <param name="file">The checkpoint.</param>
    /// <param name="configs">
    /// A folder that states what shapes cannot tell; null for the one beside the file, if any.
    /// </param>
    /// <exception cref="RecipesException">It is no such checkpoint, or keys are missing or not known.</exception>
    public static OriginalCheckpoint Read(SafeTensorsFile file, string? configs)
    {
        var header = new CheckpointHeader(file.Path, file.Tensors, file.Metadata);
        var layout = CheckpointLayout.Find(header);
        var stated = CheckpointConfigs.Find(file.Path, configs);
        ClipTextConfig[] texts =
        [
            .. layout.Texts.Select((place, index) => stated.Text(
                Component("text_encoder", index),
                place.Open
                    ? TextShape.OpenClip(header, place.Prefix, layout.IsXl)
                    : TextShape.Clip(header, place.Prefix))),
        ];
        var found = UNetShape.Read(header, layout.IsXl ? texts[1].ProjectionDim : null);
        var vae = VaeShape.Read(
            header, layout.Vae, CheckpointDefaults.Scaling(layout.IsXl, found.NumClassEmbeds is not null));
        var pipeline = CheckpointDefaults.PipelineClass(found, vae.LatentChannels, layout.IsXl)
            ?? throw new RecipesException(
                file.Path,
                $"its UNet takes {found.InChannels} channels, and latents have {vae.LatentChannels}",
                "Choose a model for pictures from text, inpainting or upscaling.");
        var scheduler = stated.Scheduler(
            "scheduler", CheckpointDefaults.Scheduler(header, file, pipeline, found.UseLinearProjection));
        var side = CheckpointDefaults.Resolution(
            header, pipeline, scheduler.PredictionType, found.UseLinearProjection);
        var unet = stated.UNet(found with { SampleSize = Math.Max(1, side / vae.Factor) });
        vae = stated.Vae(vae with { SampleSize = side });
        unet.Check();
        vae.Check();
        var keys = layout.Keys(unet, vae, texts);
        CheckKeys(header, layout, keys);
        return new OriginalCheckpoint
        {
            Path = file.Path,
            PipelineClass = pipeline,
            Family = layout.IsXl ? "SDXL" : unet.UseLinearProjection ? "SD2" : "SD1",
            UNet = unet,
            Vae = vae,
            TextEncoders = texts,
            Tokenizers =
            [
                .. layout.Texts.Select((place, index) => stated.Tokenizer(
                    Component("tokenizer", index), place.Pad, texts[index])),
            ],
            Scheduler = scheduler,
            LowResScheduler = pipeline == PipelineClasses.Upscaling
                ? stated.Scheduler("low_res_scheduler", CheckpointDefaults.LowResScheduler(header))
                : null,
            Keys = keys,
            Configs = stated,
        };
    }

    /// <summary>The name of a component that may be there twice: text_encoder, text_encoder_2.</summary>
    private static string Component(string name, int index) => index == 0 ? name : $"{name}_{index + 1}";

    /// <summary>Refuses a file that lacks a tensor of the model, or holds one that nothing uses.</summary>
    private static void CheckKeys(
        CheckpointHeader header,
        CheckpointLayout layout,
        IReadOnlyDictionary<string, IReadOnlyList<KeyRow>> keys)
    {
        var wanted = keys.Values.SelectMany(rows => rows).Select(row => row.Original).Distinct().ToHashSet();
        var missing = wanted.Where(key => !header.Has(key)).ToList();
        var unused = header.Tensors.Keys
            .Where(key => !wanted.Contains(key) && !IgnoredKeys.Covers(key, header, layout))
            .ToList();
        List<string> faults = [.. Fault(missing, "missing"), .. Fault(unused, "not known to the model")];
        if (faults.Count > 0)
        {
            throw new RecipesException(
                header.Path,
                $"its tensors do not make a {Name(layout)} checkpoint: {string.Join("; ", faults)}",
                CheckpointHeader.Cure);
        }
    }

    private static string Name(CheckpointLayout layout) =>
        layout.IsXl ? "SDXL" : layout.Texts[0].Open ? "Stable Diffusion 2" : "Stable Diffusion 1";

    private static IEnumerable<string> Fault(List<string> keys, string what)
    {
        if (keys.Count > 0)
        {
            var rest = keys.Count > Listed ? $" and {keys.Count - Listed} more" : "";
            yield return $"{keys.Count} {what} ({string.Join(", ", keys.Take(Listed))}{rest})";
        }
    }
}
