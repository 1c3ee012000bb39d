using System.Text.Json.Nodes;
using Recipes.Core.Networks;
using Recipes.Core.Pipelines;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Models;

/// <summary>Saves a model as a folder in diffusers layout.</summary>
public static class ModelFolderWriter
{
    // Loaders of transformers refuse a file that does not say so.
    private static readonly Dictionary<string, string> Format = new() { ["format"] = "pt" };

    /// <summary>Writes the folder; it takes its place once it is complete.</summary>
    /// <param name="model">The model, without adapters.</param>
    /// <param name="folder">The folder to make.</param>
    /// <param name="dtype">The type of the weights in the files; by default the one they have.</param>
    /// <exception cref="RecipesException">There is such a folder already, or it cannot be written.</exception>
    public static void Save(StableDiffusionModel model, string folder, ScalarType? dtype = null)
    {
        if (Directory.Exists(folder) || File.Exists(folder))
        {
            throw new RecipesException(folder, "it exists already", "Name a new folder, or move that one away.");
        }

        var temporary = $"{Path.TrimEndingDirectorySeparator(folder)}.{Guid.NewGuid():N}.tmp";
        try
        {
            WriteConfigs(model, temporary);
            foreach (var (component, network) in Networks(model))
            {
                using var scope = NewDisposeScope();
                var text = component.StartsWith("text", StringComparison.Ordinal);
                SafeTensorsWriter.Write(
                    Path.Combine(temporary, component, $"{(text ? "model" : "diffusion_pytorch_model")}.safetensors"),
                    network.state_dict().Select(pair =>
                        KeyValuePair.Create(pair.Key, dtype is { } type ? pair.Value.to_type(type) : pair.Value)),
                    Format);
            }

            Directory.Move(temporary, folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                folder,
                $"it cannot be written ({e.Message.TrimEnd('.')})",
                "Check that the place is writable and has room, or choose another.",
                e);
        }
        finally
        {
            if (Directory.Exists(temporary))
            {
                Directory.Delete(temporary, recursive: true);
            }
        }
    }

    /// <summary>The networks of a model under the names of their folders.</summary>
    internal static IEnumerable<(string Component, nn.Module Network)> Networks(StableDiffusionModel model)
    {
        yield return ("unet", model.UNet);
        yield return ("vae", model.Vae);
        foreach (var (tower, index) in model.TextEncoders.Select((tower, index) => (tower, index)))
        {
            yield return ($"text_encoder{Suffix(index)}", tower);
        }
    }

    /// <summary>Everything of a model folder but the weights.</summary>
    internal static void WriteConfigs(StableDiffusionModel model, string folder)
    {
        model.UNet.Config.Write(Path.Combine(folder, "unet"));
        model.Vae.Config.Write(Path.Combine(folder, "vae"));
        model.Scheduler.Write(Path.Combine(folder, "scheduler"));
        var index = new JsonObject
        {
            ["_class_name"] = model.PipelineClass,
            ["scheduler"] = Pair("diffusers", model.Scheduler.ClassName),
            ["unet"] = Pair("diffusers", "UNet2DConditionModel"),
            ["vae"] = Pair("diffusers", "AutoencoderKL"),
        };
        for (var i = 0; i < model.TextEncoders.Count; i++)
        {
            var config = model.TextEncoders[i].Config;
            config.Write(Path.Combine(folder, $"text_encoder{Suffix(i)}"));
            model.Tokenizers[i].Write(Path.Combine(folder, $"tokenizer{Suffix(i)}"));
            index[$"text_encoder{Suffix(i)}"] =
                Pair("transformers", config.ProjectionDim is null ? "CLIPTextModel" : "CLIPTextModelWithProjection");
            index[$"tokenizer{Suffix(i)}"] = Pair("transformers", "CLIPTokenizer");
        }

        if (model.LowResScheduler is { } small)
        {
            small.Write(Path.Combine(folder, "low_res_scheduler"));
            index["low_res_scheduler"] = Pair("diffusers", small.ClassName);
            index["max_noise_level"] = model.MaxNoiseLevel;
        }

        if (model.TextEncoders.Count > 1)
        {
            index["force_zeros_for_empty_prompt"] = model.ForceZerosForEmptyPrompt;
        }
        else
        {
            // Loaders ask for these parts of the first models by name.
            index["feature_extractor"] = Pair(null, null);
            index["safety_checker"] = Pair(null, null);
            index["requires_safety_checker"] = false;
        }

        ConfigWriter.Write(folder, index, "model_index.json");
    }

    private static string Suffix(int index) => index == 0 ? "" : $"_{index + 1}";

    private static JsonArray Pair(string? library, string? name) => [library, name];
}
