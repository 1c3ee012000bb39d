using System.Text.Json.Nodes;
using Recipes.Core.Models;
using Recipes.Core.Networks;
using Recipes.Core.Pocket;
using Recipes.Core.Schedules;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>
/// Writes model folders of a published shape with random weights: all that loading and speed depend on.
/// </summary>
public static class RandomModel
{
    private const double Deviation = 0.02;

    /// <summary>
    /// Writes a folder in diffusers layout with the embedded model's tokenizer. All tensors are cut from one short
    /// run of normal numbers, so that this takes little memory and is as fast as the disk.
    /// </summary>
    /// <param name="shape">The model.</param>
    /// <param name="folder">A folder that does not exist, or is empty.</param>
    /// <param name="dtype">Type of the weights.</param>
    /// <returns>Bytes of weights.</returns>
    /// <exception cref="RecipesException">There are files in the folder, or writing fails.</exception>
    public static long Write(ModelShape shape, string folder, ScalarType dtype = ScalarType.Float16)
    {
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
        {
            throw new RecipesException(folder, "the folder is not empty", "Name a new one.");
        }

        using var scope = NewDisposeScope();
        var index = new JsonObject
        {
            ["_class_name"] = shape.PipelineClass,
            ["scheduler"] = new JsonArray("diffusers", "DDIMScheduler"),
            ["unet"] = new JsonArray("diffusers", "UNet2DConditionModel"),
            ["vae"] = new JsonArray("diffusers", "AutoencoderKL"),
        };
        new SchedulerConfig
        {
            PredictionType = shape.Velocity ? PredictionType.Velocity : PredictionType.Epsilon,
        }.Write(Path.Combine(folder, "scheduler"));
        if (shape.PipelineClass == PipelineClasses.Upscaling)
        {
            var small = new SchedulerConfig();
            small.Write(Path.Combine(folder, "low_res_scheduler"));
            index["low_res_scheduler"] = new JsonArray("diffusers", small.ClassName);
        }

        shape.UNet.Write(Path.Combine(folder, "unet"));
        shape.Vae.Write(Path.Combine(folder, "vae"));
        var bytes = Weights(new UNet2DConditionModel(shape.UNet, META), folder, "unet", "diffusion_pytorch_model", dtype)
            + Weights(new AutoencoderKL(shape.Vae, META), folder, "vae", "diffusion_pytorch_model", dtype);
        for (var i = 0; i < shape.TextEncoders.Count; i++)
        {
            var suffix = i == 0 ? "" : $"_{i + 1}";
            var text = shape.TextEncoders[i];
            text.Write(Path.Combine(folder, $"text_encoder{suffix}"));
            var kind = text.ProjectionDim is null ? "CLIPTextModel" : "CLIPTextModelWithProjection";
            index[$"text_encoder{suffix}"] = new JsonArray("transformers", kind);
            index[$"tokenizer{suffix}"] = new JsonArray("transformers", "CLIPTokenizer");
            bytes += Weights(new ClipTextModel(text, META), folder, $"text_encoder{suffix}", "model", dtype);
            var tokenizer = Directory.CreateDirectory(Path.Combine(folder, $"tokenizer{suffix}"));
            foreach (var file in Directory.GetFiles(Path.Combine(PocketModel.Folder, "tokenizer")))
            {
                File.Copy(file, Path.Combine(tokenizer.FullName, Path.GetFileName(file)));
            }
        }

        ConfigWriter.Write(folder, index, "model_index.json");
        return bytes;
    }

    private static long Weights(nn.Module network, string folder, string component, string stem, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using (network)
        {
            var state = network.state_dict();
            var longest = state.Values.Max(tensor => tensor.numel());
            using var generator = new Generator(0, CPU);
            var numbers = randn(longest, generator: generator).mul_(Deviation).to_type(dtype);
            SafeTensorsWriter.Write(
                Path.Combine(folder, component, $"{stem}.safetensors"),
                state.Select(pair => KeyValuePair.Create(
                    pair.Key, numbers.narrow(0, 0, pair.Value.numel()).view(pair.Value.shape))));
            return state.Values.Sum(tensor => tensor.numel()) * numbers.element_size();
        }
    }
}
