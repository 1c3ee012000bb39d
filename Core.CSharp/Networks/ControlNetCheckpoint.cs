using Recipes.Core.Weights;
using Recipes.Core.Weights.Original;

namespace Recipes.Core.Networks;

/// <summary>
/// A ControlNet in a single safetensors file, under its authors' keys or those of diffusers. The file does not tell
/// its heads and norms; as a copy of the base model's way down it has the base model's.
/// </summary>
/// <param name="Config">The shape: the base model's, with the hint encoder of the file.</param>
/// <param name="Rename">A key of the file to the network's; null for a part of a base model beside it.</param>
internal sealed record ControlNetCheckpoint(ControlNetConfig Config, Func<string, string?> Rename)
{
    private const string FirstOwn = "controlnet_cond_embedding.conv_in.weight";

    /// <summary>Parts of a whole checkpoint that a ControlNet was saved with. The base model is loaded apart.</summary>
    private static readonly string[] Beside = ["model.diffusion_model.", "first_stage_model.", "cond_stage_model."];

    /// <exception cref="RecipesException">It holds no ControlNet, or one for another kind of model.</exception>
    public static ControlNetCheckpoint Read(SafeTensorsFile file, UNetConfig unet)
    {
        var whole = file.Tensors.ContainsKey(ControlNetKeys.Prefix + ControlNetKeys.First);
        var prefix = whole ? ControlNetKeys.Prefix : "";
        var original = file.Tensors.ContainsKey(prefix + ControlNetKeys.First);
        if (!original && !file.Tensors.ContainsKey(FirstOwn))
        {
            throw new RecipesException(
                file.Path,
                $"it holds no ControlNet ({ControlNetKeys.First} or {FirstOwn} among its {file.Tensors.Count} tensors)",
                "Name a ControlNet's file or folder.");
        }

        var (channels, widths) = Hints(file, original, prefix);
        var config = new ControlNetConfig
        {
            // Beside an inpainting model, the ControlNet still sees the latents alone.
            Encoder = unet with { Where = file.Path, InChannels = unet.OutChannels },
            ConditioningChannels = channels,
            ConditioningEmbeddingOutChannels = widths,
        };
        Stated(file, config, original, prefix).RequireFit(unet);
        config.Check();
        return new ControlNetCheckpoint(config, original ? Renaming(config, prefix) : WeightKeys.ForDiffusers);
    }

    /// <summary>Channels of the control picture, and widths of the hint encoder.</summary>
    private static (long Channels, IReadOnlyList<long> Widths) Hints(SafeTensorsFile file, bool original, string prefix)
    {
        long[] Layer(string key)
        {
            var info = file.Info(key);
            return info.Shape.Length == 4
                ? info.Shape
                : throw new RecipesException(
                    file.Path,
                    $"tensor {key} is {info.ShapeText}, not a convolution's weight",
                    "Download the ControlNet again, or choose another.");
        }

        var first = Layer(original ? prefix + ControlNetKeys.First : FirstOwn);
        var widths = new List<long> { first[0] };
        string Halving(int level) => original
            ? $"{prefix}input_hint_block.{4 * level}.weight"
            : $"controlnet_cond_embedding.blocks.{(2 * level) - 1}.weight";

        // The last numbered layer of the original row is the map onto the latents' features.
        string Next(int level) => original ? $"{prefix}input_hint_block.{(4 * level) + 2}.weight" : Halving(level);
        for (var level = 1; file.Tensors.ContainsKey(Next(level)); level++)
        {
            widths.Add(Layer(Halving(level))[0]);
        }

        return (first[1], widths);
    }

    /// <summary>The shape as far as the file itself states it, to be compared with the base model's.</summary>
    private static ControlNetConfig Stated(SafeTensorsFile file, ControlNetConfig config, bool original, string prefix)
    {
        var added = prefix + (original ? "label_emb.0.0.weight" : "add_embedding.linear_1.weight");
        var input = prefix + (original ? "input_blocks.0.0.weight" : "conv_in.weight");
        var cross = file.Tensors.Values.FirstOrDefault(
            info => info.Name.EndsWith(".attn2.to_k.weight", StringComparison.Ordinal)
                && info.Name.StartsWith(prefix, StringComparison.Ordinal));
        var encoder = config.Encoder with
        {
            CrossAttentionDim = cross?.Shape is [_, var width] ? width : config.Encoder.CrossAttentionDim,
            ProjectionClassEmbeddingsInputDim =
                file.Tensors.TryGetValue(added, out var sizes) && sizes.Shape is [_, var wide] ? wide : null,
            InChannels = file.Tensors.TryGetValue(input, out var latents) && latents.Shape is [_, var channels, _, _]
                ? channels
                : config.Encoder.InChannels,
        };
        return config with { Encoder = encoder };
    }

    private static Func<string, string?> Renaming(ControlNetConfig config, string prefix)
    {
        var names = ControlNetKeys.Of(config).ToDictionary(row => prefix + row.Original, row => row.Diffusers);
        return key => names.TryGetValue(key, out var own) ? own
            : prefix.Length > 0 && IsBeside(key) ? null
            : key;
    }

    private static bool IsBeside(string key) =>
        !key.Contains('.') || Beside.Any(part => key.StartsWith(part, StringComparison.Ordinal));
}
