using System.Text.Json.Nodes;

namespace Recipes.Core.Networks;

/// <summary>
/// The shape of a <see cref="UNet2DConditionModel"/>: the fields of a diffusers unet/config.json. Lists hold one
/// value for each level, from the finest to the coarsest.
/// </summary>
public sealed record UNetConfig
{
    internal const string CrossDown = "CrossAttnDownBlock2D";
    internal const string PlainDown = "DownBlock2D";
    internal const string CrossUp = "CrossAttnUpBlock2D";
    internal const string PlainUp = "UpBlock2D";

    /// <summary>Where it was read from, for messages.</summary>
    public string Where { get; init; } = nameof(UNetConfig);

    /// <summary>Latent height and width the model was trained at.</summary>
    public long SampleSize { get; init; } = 64;

    /// <summary>4; 9 for inpainting, 7 for the x4 upscaler.</summary>
    public long InChannels { get; init; } = 4;

    public long OutChannels { get; init; } = 4;

    public IReadOnlyList<long> BlockOutChannels { get; init; } = [320, 640, 1280, 1280];

    public IReadOnlyList<string> DownBlockTypes { get; init; } = [CrossDown, CrossDown, CrossDown, PlainDown];

    /// <summary>From the coarsest level to the finest.</summary>
    public IReadOnlyList<string> UpBlockTypes { get; init; } = [PlainUp, CrossUp, CrossUp, CrossUp];

    public long LayersPerBlock { get; init; } = 2;

    /// <summary>Width of the text encoder's states.</summary>
    public long CrossAttentionDim { get; init; } = 768;

    /// <summary>Heads of each level: what the files call attention_head_dim. One value stands for all levels.</summary>
    public IReadOnlyList<long> AttentionHeads { get; init; } = [8];

    /// <summary>Transformer blocks in each attention. One value stands for all levels.</summary>
    public IReadOnlyList<long> TransformerLayersPerBlock { get; init; } = [1];

    /// <summary>Whether self-attention looks at the text instead. One value stands for all levels.</summary>
    public IReadOnlyList<bool> OnlyCrossAttention { get; init; } = [false];

    /// <summary>Whether the middle block's self-attention looks at the text instead.</summary>
    public bool MidBlockOnlyCrossAttention { get; init; }

    /// <summary>Whether proj_in and proj_out are linear maps rather than 1x1 convolutions.</summary>
    public bool UseLinearProjection { get; init; }

    /// <summary>
    /// Kept as read, for files that are written again: libtorch's attention sums its products in float32 whatever the
    /// type, so nothing is computed otherwise.
    /// </summary>
    public bool UpcastAttention { get; init; }

    public long NormNumGroups { get; init; } = 32;

    public double NormEps { get; init; } = 1e-5;

    public bool FlipSinToCos { get; init; } = true;

    public double FreqShift { get; init; }

    /// <summary>Number of class labels (noise levels of the x4 upscaler), where there are any.</summary>
    public long? NumClassEmbeds { get; init; }

    /// <summary>Width of each embedded size and offset, in models with pooled text and time ids (SDXL).</summary>
    public long? AdditionTimeEmbedDim { get; init; }

    /// <summary>Width of the pooled text and the embedded time ids together (SDXL).</summary>
    public long? ProjectionClassEmbeddingsInputDim { get; init; }

    /// <summary>Reads config.json, or the one in a folder.</summary>
    /// <exception cref="RecipesException">
    /// A field is missing, or has a value that is not supported; it is named.
    /// </exception>
    public static UNetConfig Read(string path)
    {
        var file = SettingsFile.Read(path);
        file.Only("_class_name", "UNet2DConditionModel");
        var config = UNetConfigReader.Read(file);
        file.Finish();
        return config;
    }

    /// <summary>Writes config.json into a folder, in the layout <see cref="Read"/> reads.</summary>
    public void Write(string folder) => ConfigWriter.Write(folder, ConfigWriter.Merged(EncoderFields(), new JsonObject
    {
        ["_class_name"] = "UNet2DConditionModel",
        ["center_input_sample"] = false,
        ["mid_block_only_cross_attention"] = MidBlockOnlyCrossAttention,
        ["out_channels"] = OutChannels,
        ["sample_size"] = SampleSize,
        ["up_block_types"] = ConfigWriter.List(UpBlockTypes),
    }));

    /// <summary>The fields of the way down, which a ControlNet's config has too.</summary>
    internal JsonObject EncoderFields() => new()
    {
        ["act_fn"] = "silu",
        ["addition_embed_type"] = AdditionTimeEmbedDim is null ? null : "text_time",
        ["addition_time_embed_dim"] = AdditionTimeEmbedDim,
        ["attention_head_dim"] = ConfigWriter.List(Levels(AttentionHeads)),
        ["block_out_channels"] = ConfigWriter.List(BlockOutChannels),
        ["cross_attention_dim"] = CrossAttentionDim,
        ["down_block_types"] = ConfigWriter.List(DownBlockTypes),
        ["downsample_padding"] = 1,
        ["flip_sin_to_cos"] = FlipSinToCos,
        ["freq_shift"] = FreqShift,
        ["in_channels"] = InChannels,
        ["layers_per_block"] = LayersPerBlock,
        ["mid_block_scale_factor"] = 1,
        ["mid_block_type"] = "UNetMidBlock2DCrossAttn",
        ["norm_eps"] = NormEps,
        ["norm_num_groups"] = NormNumGroups,
        ["num_class_embeds"] = NumClassEmbeds,
        ["only_cross_attention"] = ConfigWriter.List(Levels(OnlyCrossAttention)),
        ["projection_class_embeddings_input_dim"] = ProjectionClassEmbeddingsInputDim,
        ["transformer_layers_per_block"] = ConfigWriter.List(Levels(TransformerLayersPerBlock)),
        ["upcast_attention"] = UpcastAttention,
        ["use_linear_projection"] = UseLinearProjection,
    };

    /// <summary>One value for each level.</summary>
    internal IReadOnlyList<T> Levels<T>(IReadOnlyList<T> values) =>
        values.Count == 1 ? [.. Enumerable.Repeat(values[0], BlockOutChannels.Count)] : values;

    /// <summary>Refuses a combination that no network can be built from.</summary>
    internal void Check()
    {
        var levels = BlockOutChannels.Count;
        var cure = $"Give {levels} values, one for each of block_out_channels.";
        Require(levels > 0, "block_out_channels", "an empty list", "Give one width for each level.");
        Require(LayersPerBlock > 0, "layers_per_block", $"{LayersPerBlock}", "Give 1 or more.");
        Require(DownBlockTypes.Count == levels, "down_block_types", $"a list of {DownBlockTypes.Count}", cure);
        Require(UpBlockTypes.Count == levels, "up_block_types", $"a list of {UpBlockTypes.Count}", cure);
        Require(
            Levels(AttentionHeads).Count == levels,
            "attention_head_dim",
            $"a list of {AttentionHeads.Count}",
            cure);
        Require(
            Levels(TransformerLayersPerBlock).Count == levels,
            "transformer_layers_per_block",
            $"a list of {TransformerLayersPerBlock.Count}",
            cure);
        Require(
            Levels(OnlyCrossAttention).Count == levels,
            "only_cross_attention",
            $"a list of {OnlyCrossAttention.Count}",
            cure);
        CheckNames("down_block_types", DownBlockTypes, CrossDown, PlainDown);
        CheckNames("up_block_types", UpBlockTypes, CrossUp, PlainUp);
        for (var level = 0; level < levels; level++)
        {
            var width = BlockOutChannels[level];
            Require(
                NormNumGroups > 0 && width > 0 && width % NormNumGroups == 0,
                $"block_out_channels[{level}]",
                $"{width}",
                $"Give a multiple of norm_num_groups, {NormNumGroups}.");
            var heads = Levels(AttentionHeads)[level];
            Require(
                heads > 0 && width % heads == 0,
                $"attention_head_dim[{level}]",
                $"{heads} (the number of heads)",
                $"Give a divisor of block_out_channels[{level}], {width}.");
        }
    }

    private void CheckNames(string field, IReadOnlyList<string> names, params string[] allowed)
    {
        for (var i = 0; i < names.Count; i++)
        {
            Require(
                allowed.Contains(names[i]), $"{field}[{i}]", $"\"{names[i]}\"", $"Use {string.Join(" or ", allowed)}.");
        }
    }

    private void Require(bool holds, string field, string value, string cure)
    {
        if (!holds)
        {
            throw SettingsFile.Refusal(Where, field, value, cure);
        }
    }
}
