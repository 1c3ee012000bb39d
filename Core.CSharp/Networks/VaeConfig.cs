using System.Text.Json.Nodes;

namespace Recipes.Core.Networks;

/// <summary>The shape of an <see cref="AutoencoderKL"/>: the fields of a diffusers vae/config.json.</summary>
public sealed record VaeConfig
{
    /// <summary>Where it was read from, for messages.</summary>
    public string Where { get; init; } = nameof(VaeConfig);

    /// <summary>Height and width of the pictures it was trained on, in pixels.</summary>
    public long SampleSize { get; init; } = 512;

    public long InChannels { get; init; } = 3;

    public long OutChannels { get; init; } = 3;

    public long LatentChannels { get; init; } = 4;

    /// <summary>One width for each level, from the finest; each but the last halves height and width.</summary>
    public IReadOnlyList<long> BlockOutChannels { get; init; } = [128, 256, 512, 512];

    public long LayersPerBlock { get; init; } = 2;

    public long NormNumGroups { get; init; } = 32;

    /// <summary>What latents are multiplied by to have a standard deviation near 1.</summary>
    public double ScalingFactor { get; init; } = 0.18215;

    /// <summary>What is taken off latents before they are scaled.</summary>
    public double ShiftFactor { get; init; }

    public bool UseQuantConv { get; init; } = true;

    public bool UsePostQuantConv { get; init; } = true;

    public bool MidBlockAddAttention { get; init; } = true;

    /// <summary>Whether float16 overflows in it, so that it must run in float32.</summary>
    public bool ForceUpcast { get; init; } = true;

    /// <summary>Pixels for each latent position, in each direction.</summary>
    public int Factor => 1 << (BlockOutChannels.Count - 1);

    /// <summary>Reads config.json, or the one in a folder.</summary>
    /// <exception cref="RecipesException">
    /// A field is missing, or has a value that is not supported; it is named.
    /// </exception>
    public static VaeConfig Read(string path)
    {
        var file = SettingsFile.Read(path);
        file.Only("_class_name", "AutoencoderKL");
        file.Only("act_fn", "silu", "swish");
        file.Only("latents_mean", [null]);
        file.Only("latents_std", [null]);
        var widths = file.Counts("block_out_channels", file.List<long>("block_out_channels", [64]));
        CheckBlocks(file, "down_block_types", "DownEncoderBlock2D", widths.Length);
        CheckBlocks(file, "up_block_types", "UpDecoderBlock2D", widths.Length);
        var config = new VaeConfig
        {
            Where = file.Path,
            SampleSize = file.Count("sample_size", 32),
            InChannels = file.Count("in_channels", 3),
            OutChannels = file.Count("out_channels", 3),
            LatentChannels = file.Count("latent_channels", 4),
            BlockOutChannels = widths,
            LayersPerBlock = file.Count("layers_per_block", 1),
            NormNumGroups = file.Count("norm_num_groups", 32),
            ScalingFactor = file.Number("scaling_factor", 0.18215),
            ShiftFactor = file.Number("shift_factor", 0),
            UseQuantConv = file.Flag("use_quant_conv", true),
            UsePostQuantConv = file.Flag("use_post_quant_conv", true),
            MidBlockAddAttention = file.Flag("mid_block_add_attention", true),
            ForceUpcast = file.Flag("force_upcast", true),
        };
        file.Finish();
        config.Check();
        return config;
    }

    /// <summary>Writes config.json into a folder, in the layout <see cref="Read"/> reads.</summary>
    public void Write(string folder) => ConfigWriter.Write(folder, new JsonObject
    {
        ["_class_name"] = "AutoencoderKL",
        ["act_fn"] = "silu",
        ["block_out_channels"] = ConfigWriter.List(BlockOutChannels),
        ["down_block_types"] = ConfigWriter.List(BlockOutChannels.Select(_ => "DownEncoderBlock2D")),
        ["force_upcast"] = ForceUpcast,
        ["in_channels"] = InChannels,
        ["latent_channels"] = LatentChannels,
        ["layers_per_block"] = LayersPerBlock,
        ["mid_block_add_attention"] = MidBlockAddAttention,
        ["norm_num_groups"] = NormNumGroups,
        ["out_channels"] = OutChannels,
        ["sample_size"] = SampleSize,
        ["scaling_factor"] = ScalingFactor,
        ["shift_factor"] = ShiftFactor == 0 ? null : ShiftFactor,
        ["up_block_types"] = ConfigWriter.List(BlockOutChannels.Select(_ => "UpDecoderBlock2D")),
        ["use_post_quant_conv"] = UsePostQuantConv,
        ["use_quant_conv"] = UseQuantConv,
    });

    /// <summary>Refuses a combination that no network can be built from.</summary>
    internal void Check()
    {
        for (var level = 0; level < BlockOutChannels.Count; level++)
        {
            if (NormNumGroups <= 0 || BlockOutChannels[level] <= 0 || BlockOutChannels[level] % NormNumGroups != 0)
            {
                throw SettingsFile.Refusal(
                    Where,
                    $"block_out_channels[{level}]",
                    $"{BlockOutChannels[level]}",
                    $"Give a multiple of norm_num_groups, {NormNumGroups}.");
            }
        }

        if (BlockOutChannels.Count is 0 or > 8)
        {
            throw SettingsFile.Refusal(
                Where, "block_out_channels", $"a list of {BlockOutChannels.Count}", "Give 1 to 8 widths.");
        }

        if (ScalingFactor <= 0)
        {
            throw SettingsFile.Refusal(Where, "scaling_factor", $"{ScalingFactor}", "Give a positive number.");
        }
    }

    private static void CheckBlocks(SettingsFile file, string field, string only, int levels)
    {
        var names = file.List(field, [only]);
        if (names.Length != levels || names.Any(name => name != only))
        {
            throw SettingsFile.Refusal(file.Path, field, file.Shown(field), $"Give {levels} times {only}.");
        }
    }
}
