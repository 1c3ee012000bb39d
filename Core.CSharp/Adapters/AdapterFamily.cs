using System.Globalization;
using Recipes.Core.Networks;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>
/// Which family of models an adapter file was made for, as far as it tells, and which family a model is of: SD1, SD2
/// or SDXL, with the width of the text embeddings.
/// </summary>
/// <param name="Name">SD1, SD2, SDXL; null where nothing tells.</param>
/// <param name="Width">Width of the text embeddings that the attentions look at; null where nothing tells.</param>
internal sealed record AdapterFamily(string? Name, long? Width)
{
    private static readonly (string Key, string Start, string Family)[] Stated =
    [
        ("modelspec.architecture", "stable-diffusion-v1", "SD1"),
        ("modelspec.architecture", "stable-diffusion-v2", "SD2"),
        ("modelspec.architecture", "stable-diffusion-xl", "SDXL"),
        ("ss_base_model_version", "sd_v1", "SD1"),
        ("ss_base_model_version", "sd_v2", "SD2"),
        ("ss_base_model_version", "sdxl", "SDXL"),
    ];

    /// <summary>The family of a model's networks.</summary>
    public static AdapterFamily Of(IReadOnlyDictionary<string, nn.Module> networks)
    {
        if (networks.GetValueOrDefault("unet") is not UNet2DConditionModel { Config: var config })
        {
            return new AdapterFamily(null, null);
        }

        var name = config.AdditionTimeEmbedDim is not null ? "SDXL" : config.UseLinearProjection ? "SD2" : "SD1";
        return new AdapterFamily(name, config.CrossAttentionDim);
    }

    /// <summary>The family stated in a file's header, or else told by its keys and shapes.</summary>
    public static AdapterFamily Of(SafeTensorsFile file) =>
        new(InHeader(file.Metadata) ?? ByKeys(file), CrossWidth(file));

    /// <summary>The family that a header states, or null.</summary>
    public static string? InHeader(IReadOnlyDictionary<string, string> header) =>
        Stated.FirstOrDefault(stated => header.GetValueOrDefault(stated.Key)?
            .StartsWith(stated.Start, StringComparison.OrdinalIgnoreCase) ?? false).Family;

    /// <summary>
    /// The two families in words where they are known to differ: "it was made for SDXL, the model is SD1"; else null.
    /// </summary>
    public string? Against(AdapterFamily model)
    {
        if (Name is not null && model.Name is not null && Name != model.Name)
        {
            return $"it was made for {Text}, the model is {model.Text}";
        }

        return Width is { } width && model.Width is { } other && width != other
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"it was made for text embeddings {width} wide, the model's ({model.Name}) are {other} wide")
            : null;
    }

    private string Text => Width is { } width
        ? string.Create(CultureInfo.InvariantCulture, $"{Name} (text embeddings {width} wide)")
        : $"{Name}";

    private static string? ByKeys(SafeTensorsFile file)
    {
        if (CrossWidth(file) is 768 or 1024 or 2048)
        {
            return CrossWidth(file) switch { 768 => "SD1", 1024 => "SD2", _ => "SDXL" };
        }

        var keys = file.Tensors.Keys;
        if (keys.Any(key => key.StartsWith("text_encoder_2.", StringComparison.Ordinal)
            || key.StartsWith("lora_te2_", StringComparison.Ordinal)
            || key.Contains("transformer_blocks.1.", StringComparison.Ordinal)
            || key.Contains("transformer_blocks_1_", StringComparison.Ordinal)))
        {
            return "SDXL";
        }

        return null;
    }

    /// <summary>The inputs of the keys' or values' maps in the attentions that look at the text.</summary>
    private static long? CrossWidth(SafeTensorsFile file)
    {
        foreach (var (key, info) in file.Tensors)
        {
            if (LoraKeys.Split(key) is { Role: LoraRole.Down } part
                && part.Stem.Contains("attn2", StringComparison.Ordinal)
                && (part.Stem.EndsWith("to_k", StringComparison.Ordinal)
                    || part.Stem.EndsWith("to_v", StringComparison.Ordinal))
                && info.Shape.Length > 1)
            {
                return info.Shape[1];
            }
        }

        return null;
    }
}
