using System.Text.Json.Nodes;

namespace Recipes.Core.Networks;

/// <summary>The shape of a <see cref="ControlNetModel"/>: the fields of a diffusers ControlNet's config.json.</summary>
public sealed record ControlNetConfig
{
    private const string OrderField = "controlnet_conditioning_channel_order";
    private const string WidthsField = "conditioning_embedding_out_channels";

    /// <summary>The way down and the middle, shaped as the base model's.</summary>
    public UNetConfig Encoder { get; init; } = new();

    /// <summary>Channels of the control picture.</summary>
    public long ConditioningChannels { get; init; } = 3;

    /// <summary>Widths of the hint encoder. Each after the first halves height and width.</summary>
    public IReadOnlyList<long> ConditioningEmbeddingOutChannels { get; init; } = [16, 32, 96, 256];

    /// <summary>Whether the network was trained on pictures whose channels are blue, green, red.</summary>
    public bool BlueFirst { get; init; }

    /// <summary>
    /// Whether residuals are averaged over height and width; the control is then led as in guess mode.
    /// </summary>
    public bool GlobalPoolConditions { get; init; }

    /// <summary>Where it was read from, for messages.</summary>
    public string Where => Encoder.Where;

    /// <summary>Pixels of the control picture for one position of the latents, in height and in width.</summary>
    public long Factor => 1L << (ConditioningEmbeddingOutChannels.Count - 1);

    /// <summary>Reads config.json, or the one in a folder.</summary>
    /// <exception cref="RecipesException">A field has a value that is not supported; it is named.</exception>
    public static ControlNetConfig Read(string path)
    {
        var file = SettingsFile.Read(path);
        file.Only("_class_name", nameof(ControlNetModel));
        file.Only(OrderField, "rgb", "bgr");
        var config = new ControlNetConfig
        {
            Encoder = UNetConfigReader.ReadEncoder(file),
            ConditioningChannels = file.Integer("conditioning_channels", 3),
            ConditioningEmbeddingOutChannels = file.List<long>(WidthsField, [16, 32, 96, 256]),
            BlueFirst = file.Text(OrderField, "rgb") == "bgr",
            GlobalPoolConditions = file.Flag("global_pool_conditions", false),
        };
        file.Finish();
        config.Check();
        return config;
    }

    /// <summary>Writes config.json into a folder, in the layout <see cref="Read"/> reads.</summary>
    public void Write(string folder) =>
        ConfigWriter.Write(folder, ConfigWriter.Merged(Encoder.EncoderFields(), new JsonObject
        {
            ["_class_name"] = nameof(ControlNetModel),
            ["conditioning_channels"] = ConditioningChannels,
            [WidthsField] = ConfigWriter.List(ConditioningEmbeddingOutChannels),
            [OrderField] = BlueFirst ? "bgr" : "rgb",
            ["global_pool_conditions"] = GlobalPoolConditions,
        }));

    /// <summary>Refuses a base model whose way down has other shapes.</summary>
    /// <param name="unet">The base model's.</param>
    /// <exception cref="RecipesException">It is of another family or width; both values are named.</exception>
    public void RequireFit(UNetConfig unet)
    {
        Same("cross_attention_dim", config => $"{config.CrossAttentionDim}");
        Same("block_out_channels", config => Shown(config.BlockOutChannels));
        Same("layers_per_block", config => $"{config.LayersPerBlock}");
        Same("projection_class_embeddings_input_dim", config => $"{config.ProjectionClassEmbeddingsInputDim ?? 0}");
        Same("num_class_embeds", config => $"{config.NumClassEmbeds ?? 0}");

        // The controls of an inpainting model see its latents alone.
        if (Encoder.InChannels != unet.InChannels && Encoder.InChannels != unet.OutChannels)
        {
            throw Misfit("in_channels", $"{Encoder.InChannels}", $"{unet.InChannels}");
        }

        void Same(string field, Func<UNetConfig, string> value)
        {
            if (value(Encoder) != value(unet))
            {
                throw Misfit(field, value(Encoder), value(unet));
            }
        }

        RecipesException Misfit(string field, string own, string other) => new(
            Where,
            $"the ControlNet is for another kind of model: its {field} is {own}, that of {unet.Where} is {other}",
            "Choose a ControlNet trained for this model's family.");
    }

    /// <summary>Refuses a combination that no network can be built from.</summary>
    internal void Check()
    {
        Encoder.Check();
        Require(ConditioningChannels > 0, "conditioning_channels", $"{ConditioningChannels}", "Give 1 or more.");
        Require(
            ConditioningEmbeddingOutChannels.Count is > 0 and < 16
                && ConditioningEmbeddingOutChannels.All(width => width > 0),
            WidthsField,
            Shown(ConditioningEmbeddingOutChannels),
            "Give widths of 1 or more, such as [16, 32, 96, 256].");
        Require(
            !BlueFirst || ConditioningChannels == 3,
            OrderField,
            $"\"bgr\" with {ConditioningChannels} conditioning_channels",
            "Give \"rgb\".");

        void Require(bool holds, string field, string value, string cure)
        {
            if (!holds)
            {
                throw SettingsFile.Refusal(Where, field, value, cure);
            }
        }
    }

    private static string Shown(IEnumerable<long> values) => $"[{string.Join(", ", values)}]";
}
