using Recipes.Core.Schedules;

namespace Recipes.Core.Models;

/// <summary>Refuses parts that do not belong together, before any weight is read.</summary>
internal static class ModelParts
{
    private const int TimeIds = 6;

    /// <exception cref="RecipesException">The first contradiction found.</exception>
    public static void Check(IModelSource source)
    {
        CheckText(source);
        CheckChannels(source);
        CheckConditions(source);
        Samplers.Check(source.Scheduler);
        if (source.LowResScheduler is { } small)
        {
            Samplers.Check(small);
        }
    }

    private static void CheckText(IModelSource source)
    {
        var (towers, tokenizers, unet) = (source.TextEncoders, source.Tokenizers, source.UNet);
        Require(
            source,
            towers.Count == (PipelineClasses.IsXL(source.PipelineClass) ? 2 : 1) && tokenizers.Count == towers.Count,
            $"{source.PipelineClass} comes with {towers.Count} text encoders and {tokenizers.Count} tokenizers");
        var width = towers.Sum(tower => tower.HiddenSize);
        Require(
            source,
            width == unet.CrossAttentionDim,
            $"the text encoder's states are {string.Join(" + ", towers.Select(tower => tower.HiddenSize))} wide "
                + $"(hidden_size), the UNet looks at {unet.CrossAttentionDim} (cross_attention_dim)");
        foreach (var (tower, tokenizer) in towers.Zip(tokenizers))
        {
            Require(
                source,
                tokenizer.Count <= tower.VocabSize,
                $"the tokenizer knows {tokenizer.Count} tokens, the text encoder {tower.VocabSize} (vocab_size)");
            Require(
                source,
                tokenizer.MaxLength <= tower.MaxPositionEmbeddings,
                $"the tokenizer gives {tokenizer.MaxLength} tokens (model_max_length), "
                    + $"the text encoder takes {tower.MaxPositionEmbeddings} (max_position_embeddings)");
            Require(
                source,
                tokenizer.MaxLength == tokenizers[0].MaxLength,
                $"the tokenizers give {tokenizers[0].MaxLength} and {tokenizer.MaxLength} tokens (model_max_length)");
        }
    }

    private static void CheckChannels(IModelSource source)
    {
        var (unet, vae) = (source.UNet, source.Vae);
        var latent = vae.LatentChannels;

        // Inpainting models are told the mask and the picture around it; any other model can fill holes, too.
        long[] wanted = source.PipelineClass switch
        {
            PipelineClasses.Upscaling => [latent + vae.InChannels],
            var name when PipelineClasses.IsInpainting(name) => [latent, (2 * latent) + 1],
            _ => [latent],
        };
        Require(
            source,
            wanted.Contains(unet.InChannels) && unet.OutChannels == latent,
            $"the UNet maps {unet.InChannels} to {unet.OutChannels} channels (in_channels, out_channels), "
                + $"where {source.PipelineClass} with latents of {latent} (latent_channels) "
                + $"maps {string.Join(" or ", wanted)} to {latent}");
    }

    private static void CheckConditions(IModelSource source)
    {
        var unet = source.UNet;
        var sizes = unet.AdditionTimeEmbedDim is not null;
        Require(
            source,
            sizes == PipelineClasses.IsXL(source.PipelineClass),
            $"the UNet is {(sizes ? "" : "not ")}told sizes (addition_embed_type), "
                + $"{source.PipelineClass} {(sizes ? "gives none" : "gives them")}");
        Require(
            source,
            unet.NumClassEmbeds is not null == (source.PipelineClass == PipelineClasses.Upscaling),
            $"the UNet has {unet.NumClassEmbeds?.ToString() ?? "no"} noise levels (num_class_embeds), "
                + $"which does not fit {source.PipelineClass}");
        Require(
            source,
            source.LowResScheduler is not null == (source.PipelineClass == PipelineClasses.Upscaling),
            $"{source.PipelineClass} comes {(source.LowResScheduler is null ? "without" : "with")} "
                + "a low_res_scheduler");
        if (sizes)
        {
            var pooled = source.TextEncoders[1].ProjectionDim;
            Require(
                source,
                pooled is not null,
                "the second text encoder has no projection (its architecture is CLIPTextModel)");
            var width = pooled + (TimeIds * unet.AdditionTimeEmbedDim);
            Require(
                source,
                width == unet.ProjectionClassEmbeddingsInputDim,
                $"the pooled text is {pooled} wide (projection_dim) and {TimeIds} sizes "
                    + $"{unet.AdditionTimeEmbedDim} each (addition_time_embed_dim), {width} together, the UNet takes "
                    + $"{unet.ProjectionClassEmbeddingsInputDim} (projection_class_embeddings_input_dim)");
        }
    }

    private static void Require(IModelSource source, bool holds, string fault)
    {
        if (!holds)
        {
            throw new RecipesException(
                source.Where, fault, "Put the parts of one model together, as they were published.");
        }
    }
}
