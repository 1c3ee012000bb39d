using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Blocks;

/// <summary>
/// What a UNet and a ControlNet do alike with their inputs. It holds maps of the network; they stay the network's own.
/// </summary>
/// <param name="config">The network's shape.</param>
/// <param name="steps">Embeds timesteps.</param>
/// <param name="labels">Embeds class labels, where there are any.</param>
/// <param name="sizes">Embeds pooled text and sizes, where there are any.</param>
internal sealed class UNetInputs(
    UNetConfig config, TimestepEmbedding steps, Embedding? labels, TimestepEmbedding? sizes)
{
    /// <summary>The timestep and what the network is told besides, [batch, width].</summary>
    /// <param name="timesteps">[batch] or [1], of any type, on the network's device.</param>
    /// <param name="batch">How many samples there are.</param>
    /// <param name="conditions">Class labels, pooled text and sizes, where the network needs them.</param>
    public Tensor EmbedTime(Tensor timesteps, long batch, UNetConditions? conditions)
    {
        var sinusoids = TimestepEmbedding.Sinusoids(
            timesteps, config.BlockOutChannels[0], config.FlipSinToCos, config.FreqShift);
        var time = steps.forward(sinusoids).expand(batch, -1);
        if (labels is not null)
        {
            time = time + labels.forward(Needed(conditions?.ClassLabels, "class labels"));
        }

        if (sizes is not null)
        {
            var pooled = Needed(conditions?.PooledText, "pooled text");
            var ids = Needed(conditions?.TimeIds, "time ids");
            var numbers = TimestepEmbedding.Sinusoids(
                ids.reshape(-1), config.AdditionTimeEmbedDim ?? 0, config.FlipSinToCos, config.FreqShift);
            var added = cat([pooled, numbers.reshape(pooled.shape[0], -1).to_type(pooled.dtype)], -1);
            time = time + sizes.forward(added);
        }

        return time;
    }

    /// <summary>Refuses latents or text of another shape than the network's.</summary>
    public void Check(Tensor sample, Tensor context)
    {
        if (sample.dim() != 4 || sample.shape[1] != config.InChannels)
        {
            throw new RecipesException(
                config.Where,
                $"the latents are [{string.Join(", ", sample.shape)}], not [batch, {config.InChannels}, height, width]",
                "Give latents of the model's own VAE, and what else its in_channels ask for.");
        }

        if (context.dim() != 3 || context.shape[2] != config.CrossAttentionDim || context.shape[0] != sample.shape[0])
        {
            throw new RecipesException(
                config.Where,
                $"the text states are [{string.Join(", ", context.shape)}], "
                    + $"not [{sample.shape[0]}, tokens, {config.CrossAttentionDim}]",
                "Use the text encoder that belongs to this model, with one prompt for each latent.");
        }
    }

    private Tensor Needed(Tensor? given, string what) =>
        given ?? throw new RecipesException(
            config.Where, $"the model needs {what}, and none were given", "Use the pipeline of this kind of model.");
}
