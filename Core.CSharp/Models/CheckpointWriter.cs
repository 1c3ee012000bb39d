using System.Globalization;
using Recipes.Core.Pipelines;
using Recipes.Core.Schedules;
using Recipes.Core.Weights;
using Recipes.Core.Weights.Original;
using static TorchSharp.torch;

namespace Recipes.Core.Models;

/// <summary>
/// Saves a model as one file in the layout of the original Stable Diffusion 1, 2 or SDXL code, which most programs
/// read.
/// </summary>
public static class CheckpointWriter
{
    /// <summary>
    /// Writes the file, and for a model that a reader could not tell from the file alone (heads, norms, noise or a
    /// vocabulary of its own) a folder NAME.configs beside it.
    /// </summary>
    /// <param name="model">The model, without adapters.</param>
    /// <param name="path">The .safetensors file; its folder must exist.</param>
    /// <param name="dtype">The type of the weights in the file; by default the one they have.</param>
    /// <param name="metadata">Strings for the header, beside and before those of modelspec.</param>
    /// <exception cref="RecipesException">
    /// The file cannot be written, or the model has tensors that such files do not hold.
    /// </exception>
    public static void Save(
        StableDiffusionModel model,
        string path,
        ScalarType? dtype = null,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        OriginalCheckpoint.CheckName(path);
        using var gradients = no_grad();
        using var scope = NewDisposeScope();
        var layout = CheckpointLayout.Of(Family(model));
        var keys = layout.Keys(
            model.UNet.Config, model.Vae.Config, [.. model.TextEncoders.Select(tower => tower.Config)]);
        var tensors = new Dictionary<string, Tensor>();
        foreach (var (component, network) in ModelFolderWriter.Networks(model))
        {
            foreach (var (key, tensor) in Arranged(keys[component], network.state_dict(), $"{path} ({component})"))
            {
                tensors[key] = dtype is { } type ? tensor.to_type(type) : tensor;
            }
        }

        var strings = Metadata(model, path, metadata);
        var infos = tensors.ToDictionary(pair => pair.Key, pair => Info(pair.Key, pair.Value));
        SafeTensorsWriter.Write(path, tensors, strings);
        CheckpointSidecar.Write(model, new CheckpointHeader(path, infos, strings), layout);
    }

    /// <summary>SD1, SD2 or SDXL, by structure.</summary>
    private static string Family(StableDiffusionModel model) =>
        model.TextEncoders.Count > 1 ? "SDXL" : model.UNet.Config.UseLinearProjection ? "SD2" : "SD1";

    /// <summary>A component's tensors as they lie in the file.</summary>
    private static IEnumerable<(string Key, Tensor Tensor)> Arranged(
        IReadOnlyList<KeyRow> rows, IDictionary<string, Tensor> state, string where)
    {
        var foreign = state.Keys.Except(rows.Select(row => row.Diffusers)).ToList();
        if (foreign.Count > 0)
        {
            throw new RecipesException(
                where,
                $"{foreign.Count} of its tensors have no place in the file ({string.Join(", ", foreign.Take(10))})",
                "Take its adapters off, or save them in a file of their own.");
        }

        foreach (var parts in rows.GroupBy(row => row.Original))
        {
            var first = state[parts.First().Diffusers];
            yield return (parts.Key, parts.First().How switch
            {
                Arrangement.Same => first,
                Arrangement.Convolution => first.unsqueeze(-1).unsqueeze(-1),
                Arrangement.Transposed => first.t(),
                _ => cat([.. parts.OrderBy(row => row.How).Select(row => state[row.Diffusers])]),
            });
        }
    }

    private static TensorInfo Info(string key, Tensor tensor) =>
        new(key, TensorIO.DTypeOf(tensor.dtype) ?? DType.F32, tensor.shape, 0, 0);

    /// <summary>ModelSpec 1.0.1: what a reader cannot see in the weights.</summary>
    private static Dictionary<string, string> Metadata(
        StableDiffusionModel model, string path, IReadOnlyDictionary<string, string>? more)
    {
        var side = (model.UNet.Config.SampleSize * model.Vae.Config.Factor).ToString(CultureInfo.InvariantCulture);
        var velocity = model.Scheduler.PredictionType == PredictionType.Velocity;
        var architecture = Family(model) switch
        {
            "SDXL" => "stable-diffusion-xl-v1-base",
            "SD2" => velocity ? "stable-diffusion-v2-768-v" : "stable-diffusion-v2-512",
            _ => "stable-diffusion-v1",
        };
        var strings = new Dictionary<string, string>
        {
            ["modelspec.sai_model_spec"] = "1.0.1",
            ["modelspec.architecture"] =
                architecture + (PipelineClasses.IsInpainting(model.PipelineClass) ? "-inpainting" : ""),
            ["modelspec.title"] = Path.GetFileNameWithoutExtension(path),
            ["modelspec.resolution"] = $"{side}x{side}",
            ["modelspec.prediction_type"] = velocity ? "v" : "epsilon",
        };
        foreach (var (key, value) in more ?? new Dictionary<string, string>())
        {
            strings[key] = value;
        }

        return strings;
    }
}
