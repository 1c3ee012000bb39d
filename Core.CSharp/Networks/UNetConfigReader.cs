namespace Recipes.Core.Networks;

/// <summary>The fields of a diffusers UNet config, shared by the networks that are built on its encoder.</summary>
internal static class UNetConfigReader
{
    /// <summary>A whole UNet.</summary>
    public static UNetConfig Read(SettingsFile file)
    {
        var config = ReadEncoder(file) with
        {
            SampleSize = file.Count("sample_size", 64),
            OutChannels = file.Count("out_channels", 4),
            UpBlockTypes = file.List("up_block_types", DefaultUp),
            MidBlockOnlyCrossAttention = file.Flag("mid_block_only_cross_attention", false),
        };
        RefuseOthers(file);
        config.Check();
        return config;
    }

    /// <summary>The way down and the middle; the way up mirrors them.</summary>
    public static UNetConfig ReadEncoder(SettingsFile file)
    {
        RefuseOtherEncoders(file);
        var widths = file.Counts("block_out_channels", file.List<long>("block_out_channels", [320, 640, 1280, 1280]));
        var heads = file.Has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim";
        file.Ignore("attention_head_dim");
        var down = file.List("down_block_types", DefaultDown);
        return new UNetConfig
        {
            Where = file.Path,
            InChannels = file.Count("in_channels", 4),
            BlockOutChannels = widths,
            DownBlockTypes = down,
            UpBlockTypes = [.. down.Reverse().Select(name => name.Replace("Down", "Up", StringComparison.Ordinal))],
            LayersPerBlock = file.Count("layers_per_block", 2),
            CrossAttentionDim = file.Count("cross_attention_dim", 1280),
            AttentionHeads = file.PerLevel(heads, widths.Length, 8L),
            TransformerLayersPerBlock = file.Counts(
                "transformer_layers_per_block", file.PerLevel("transformer_layers_per_block", widths.Length, 1L)),
            OnlyCrossAttention = file.PerLevel("only_cross_attention", widths.Length, false),
            UseLinearProjection = file.Flag("use_linear_projection", false),
            UpcastAttention = file.Flag("upcast_attention", false),
            NormNumGroups = file.Count("norm_num_groups", 32),
            NormEps = file.Size("norm_eps", 1e-5),
            FlipSinToCos = file.Flag("flip_sin_to_cos", true),
            FreqShift = file.Size("freq_shift", 0),
            NumClassEmbeds = file.Has("num_class_embeds") ? file.Count("num_class_embeds", 1) : null,
            AdditionTimeEmbedDim = Added(file, "addition_time_embed_dim"),
            ProjectionClassEmbeddingsInputDim = Added(file, "projection_class_embeddings_input_dim"),
        };
    }

    private static string[] DefaultDown =>
        [UNetConfig.CrossDown, UNetConfig.CrossDown, UNetConfig.CrossDown, UNetConfig.PlainDown];

    private static string[] DefaultUp =>
        [UNetConfig.PlainUp, UNetConfig.CrossUp, UNetConfig.CrossUp, UNetConfig.CrossUp];

    private static long? Added(SettingsFile file, string field)
    {
        if (!file.Has("addition_embed_type"))
        {
            // It has no part then, but a text there is a broken file.
            _ = file.Integer(field);
            return null;
        }

        return file.Has(field)
            ? file.Count(field, 1)
            : throw new RecipesException(
                file.Path,
                $"\"{field}\" is missing, though addition_embed_type is set",
                "Download the model's files again.");
    }

    /// <summary>Fields with but one or two values that the networks here can have.</summary>
    private static void RefuseOtherEncoders(SettingsFile file)
    {
        file.Only("act_fn", "silu", "swish");
        file.Only("addition_embed_type", null, "text_time");
        file.Only("class_embed_type", null, "");
        file.Only("downsample_padding", 1);
        file.Only("encoder_hid_dim", null, 0);
        file.Only("encoder_hid_dim_type", null, "");
        file.Only("mid_block_scale_factor", 1);
        file.Only("mid_block_type", "UNetMidBlock2DCrossAttn");
        file.Only("resnet_time_scale_shift", "default");
        file.Ignore("addition_embed_type_num_heads");
    }

    private static void RefuseOthers(SettingsFile file)
    {
        file.Only("attention_type", "default");
        file.Only("center_input_sample", false);
        file.Only("class_embeddings_concat", false);
        file.Only("conv_in_kernel", 3);
        file.Only("conv_out_kernel", 3);
        file.Only("cross_attention_norm", null, "");
        file.Only("dropout", 0);
        file.Only("dual_cross_attention", false);
        file.Only("resnet_out_scale_factor", 1);
        file.Only("resnet_skip_time_act", false);
        file.Only("reverse_transformer_layers_per_block", null, false);
        file.Only("time_cond_proj_dim", null, 0);
        file.Only("time_embedding_act_fn", null, "");
        file.Only("time_embedding_dim", null, 0);
        file.Only("time_embedding_type", "positional");
        file.Only("timestep_post_act", null, "");
    }
}
