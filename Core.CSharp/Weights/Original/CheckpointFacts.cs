using System.Security.Cryptography;
using Recipes.Core.Models;
using Recipes.Core.Schedules;

namespace Recipes.Core.Weights.Original;

/// <summary>What a single-file checkpoint says about itself, in the words of <see cref="ModelFolder"/>.</summary>
internal static class CheckpointFacts
{
    /// <summary>Of the public upscaler; a single file does not say it.</summary>
    private const int MaxNoiseLevel = 350;

    /// <exception cref="RecipesException">It is no whole checkpoint of a known family.</exception>
    public static ModelFolder Read(string path)
    {
        OriginalCheckpoint.CheckName(path);
        using var file = SafeTensorsFile.Open(path);
        var checkpoint = OriginalCheckpoint.Read(file, configs: null);
        var tensors = checkpoint.Keys.SelectMany(component =>
            component.Value.Select(row => (Component: component.Key, Tensor: Part(file, row)))).ToList();
        var names = tensors
            .GroupBy(part => part.Component, part => part.Tensor.Name)
            .ToDictionary(part => part.Key, part => (IReadOnlySet<string>)part.ToHashSet());
        return new ModelFolder(
            path,
            checkpoint.Keys.Keys.ToDictionary(component => component, _ => (IReadOnlyList<string>)[path]),
            () => checkpoint.Tokenizers[0],
            () => Hash(path))
        {
            PipelineClass = checkpoint.PipelineClass,
            Family = checkpoint.PipelineClass == PipelineClasses.Upscaling ? "X4" : checkpoint.Family,
            NativeSize = (int)checkpoint.UNet.SampleSize * checkpoint.Vae.Factor,
            LatentFactor = checkpoint.Vae.Factor,
            InChannels = (int)checkpoint.UNet.InChannels,
            CrossAttentionDim = (int)checkpoint.UNet.CrossAttentionDim,
            PredictionType = checkpoint.Scheduler.PredictionType switch
            {
                PredictionType.Velocity => "v_prediction",
                PredictionType.Sample => "sample",
                _ => "epsilon",
            },
            HighestNoise = checkpoint is { LowResScheduler: { } low, UNet.NumClassEmbeds: { } levels }
                ? Math.Min(MaxNoiseLevel, Math.Min(low.NumTrainTimesteps, (int)levels) - 1)
                : null,
            ParameterCount = tensors.Sum(Count),
            UNetParameterCount = tensors.Where(part => part.Component == "unet").Sum(Count),
            TextParameterCount = tensors
                .Where(part => part.Component.StartsWith("text", StringComparison.Ordinal)).Sum(Count),
            Bytes = new FileInfo(path).Length,
            Layers = Layers(false),
            VaeLayers = Layers(true),
        };

        IReadOnlyList<LayerInfo> Layers(bool ofVae) =>
        [
            .. tensors
                .Where(part => part.Component == "vae" == ofVae)
                .Select(part => LayerInfo.Of(part.Component, part.Tensor, names[part.Component]))
                .OfType<LayerInfo>()
                .OrderBy(layer => layer.Component, StringComparer.Ordinal)
                .ThenBy(layer => layer.Name, StringComparer.Ordinal),
        ];
    }

    /// <summary>A tensor under its diffusers name and in its diffusers shape.</summary>
    private static long Count((string Component, TensorInfo Tensor) part) =>
        part.Tensor.Shape.Aggregate(1L, (count, length) => count * length);

    private static TensorInfo Part(SafeTensorsFile file, KeyRow row)
    {
        var stored = file.Info(row.Original);
        return stored with { Name = row.Diffusers, Shape = row.How.Shape(stored.Shape) };
    }

    private static string Hash(string path)
    {
        try
        {
            using var stream = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path, $"it cannot be read ({e.Message.TrimEnd('.')})", "Check that it is a readable file.", e);
        }
    }
}
