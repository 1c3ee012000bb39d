using Recipes.Core.Kernels;
using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// A UNet as trainings use it, alone or led by a ControlNet (Zhang et al. 2023, equation 5), an upscaler's with the small
/// pictures beside the latents: noisy latents and all of their batch to a prediction.
/// </summary>
internal static class DenoisingNetwork
{
    /// <param name="unet">The UNet.</param>
    /// <param name="control">Leads it by each batch's control pictures; null for none.</param>
    /// <param name="captions">Encodes batches that come with token ids; null where none do.</param>
    public static Func<Tensor, DenoisingBatch, Tensor> Of(
        UNet2DConditionModel unet, ControlNetModel? control = null, CaptionStates? captions = null)
    {
        FusedNetworks.Prepare(unet);
        unet.ForgetRecordings();
        if (control is not null)
        {
            FusedNetworks.Prepare(control);
        }

        return (noisy, batch) => Predict(unet, control, captions, noisy, batch);
    }

    private static Tensor Predict(
        UNet2DConditionModel unet,
        ControlNetModel? control,
        CaptionStates? captions,
        Tensor noisy,
        DenoisingBatch batch)
    {
        using var scope = NewDisposeScope();
        if (batch.Context.dtype == ScalarType.Int64)
        {
            var (states, pooled) = captions!.Encode(batch.Context);
            batch = batch with { Context = states, PooledText = pooled };
        }

        var input = batch.SmallPictures is { } small ? cat([noisy, small], 1) : noisy;
        using var text = new TextContext(batch.Context);
        var conditions = new UNetConditions
        {
            PooledText = batch.PooledText,
            TimeIds = batch.TimeIds,
            ClassLabels = batch.NoiseLevels,
            Attention = batch.Attention,
        };
        if (control is not null)
        {
            var picture = batch.Control ?? throw new RecipesException(
                "ControlNet training",
                "a batch has no control pictures",
                "Give each training picture its control picture.");
            var residuals = control.forward(input, batch.Timesteps, text, picture, conditions);
            conditions = conditions with { DownResiduals = residuals.Down, MidResidual = residuals.Mid };
        }

        return unet.forward(input, batch.Timesteps, text, conditions).MoveToOuterDisposeScope();
    }
}
