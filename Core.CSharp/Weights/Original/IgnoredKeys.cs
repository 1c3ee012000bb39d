namespace Recipes.Core.Weights.Original;

/// <summary>
/// Keys of checkpoints that no network here needs, and nothing else: what the training kept beside the weights, and
/// towers' parts behind the states that the model looks at. Any other key that is not used is an error.
/// </summary>
internal static class IgnoredKeys
{
    /// <summary>
    /// The noise schedule as numbers, which the scheduler's settings give anew, and marks of how a model was trained.
    /// </summary>
    private static readonly HashSet<string> Names =
    [
        "alphas_cumprod",
        "alphas_cumprod_prev",
        "betas",
        "global_step",
        "log_one_minus_alphas_cumprod",
        "logvar",
        "lvlb_weights",
        "posterior_log_variance_clipped",
        "posterior_mean_coef1",
        "posterior_mean_coef2",
        "posterior_variance",
        "scale_factor",
        "sqrt_alphas_cumprod",
        "sqrt_one_minus_alphas_cumprod",
        "sqrt_recip_alphas_cumprod",
        "sqrt_recipm1_alphas_cumprod",
        "v_pred",
        "ztsnr",
    ];

    /// <summary>
    /// The averaged copy of the UNet, losses of the autoencoder's training, SDXL's table of noise levels, and the
    /// noise schedule of the upscaler's small picture.
    /// </summary>
    private static readonly string[] Modules =
        ["model_ema.", "loss.", "first_stage_model.loss.", "vae.loss.", "denoiser.", "low_scale_model."];

    /// <summary>Position numbers, masks and temperatures of text encoders, in whatever module.</summary>
    private static readonly string[] Ends = ["embeddings.position_ids", ".attn_mask", ".logit_scale"];

    /// <summary>Whether a key may go unused in a checkpoint of this layout.</summary>
    public static bool Covers(string key, CheckpointHeader header, CheckpointLayout layout) =>
        Names.Contains(key)
        || Modules.Any(module => key.StartsWith(module, StringComparison.Ordinal))
        || Ends.Any(end => key.EndsWith(end, StringComparison.Ordinal))
        || layout.Texts.Any(text => BehindStates(key, header, layout, text));

    /// <summary>Parts of a text encoder that come after the states the model takes from it.</summary>
    private static bool BehindStates(
        string key, CheckpointHeader header, CheckpointLayout layout, CheckpointLayout.Text text)
    {
        if (!text.Open)
        {
            // Some tools keep the projection beside the encoder, some inside of it.
            var root = text.Prefix.Replace("text_model.", "", StringComparison.Ordinal);
            return key == $"{root}text_projection.weight" || key == $"{root}text_projection";
        }

        if (layout.IsXl || !TextShape.DropsLast(header, text.Prefix, projected: false))
        {
            return false;
        }

        var last = header.Count($"{text.Prefix}transformer.resblocks.") - 1;
        return key == $"{text.Prefix}text_projection"
            || key.StartsWith($"{text.Prefix}transformer.resblocks.{last}.", StringComparison.Ordinal);
    }
}
