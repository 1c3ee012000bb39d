using Recipes.Core.Networks;
using Recipes.Core.Pipelines;
using Recipes.Core.Schedules;
using Recipes.Core.Text;
using Recipes.Core.Weights.Original;

namespace Recipes.Core.Models;

/// <summary>
/// The folder of configs and tokenizers beside a checkpoint that says what its tensors cannot, written where a reader
/// would guess otherwise.
/// </summary>
internal static class CheckpointSidecar
{
    /// <summary>Writes the folder if it is needed, or if an old one would mislead.</summary>
    /// <param name="model">The model as it was saved.</param>
    /// <param name="header">What the file holds.</param>
    /// <param name="layout">The layout it was saved in.</param>
    public static void Write(StableDiffusionModel model, CheckpointHeader header, CheckpointLayout layout)
    {
        var folder = CheckpointConfigs.Beside(header.Path);
        if (Directory.Exists(folder) || !IsPlain(model, header, layout))
        {
            ModelFolderWriter.WriteConfigs(model, folder);
        }
    }

    /// <summary>Whether the file alone gives the same model.</summary>
    private static bool IsPlain(StableDiffusionModel model, CheckpointHeader header, CheckpointLayout layout)
    {
        ClipTextConfig[] texts =
        [
            .. layout.Texts.Select(place => place.Open
                ? TextShape.OpenClip(header, place.Prefix, layout.IsXl)
                : TextShape.Clip(header, place.Prefix)),
        ];
        var unet = UNetShape.Read(header, layout.IsXl ? texts[1].ProjectionDim : null);
        var vae = VaeShape.Read(
            header, layout.Vae, CheckpointDefaults.Scaling(layout.IsXl, unet.NumClassEmbeds is not null));
        var pipeline = CheckpointDefaults.PipelineClass(unet, vae.LatentChannels, layout.IsXl);
        var scheduler = pipeline is null
            ? null
            : CheckpointDefaults.Scheduler(header, file: null, pipeline, unet.UseLinearProjection);
        return Facts(unet) == Facts(model.UNet.Config)
            && Facts(vae) == Facts(model.Vae.Config)
            && scheduler is not null && Facts(scheduler) == Facts(model.Scheduler)
            && texts.Select(Facts).SequenceEqual(model.TextEncoders.Select(tower => Facts(tower.Config)))
            && layout.Texts.Select(place => Facts(ClipTokenizer.Clip(place.Pad)))
                .SequenceEqual(model.Tokenizers.Select(Facts));
    }

    // Only what changes a picture, and what no shape tells.
    private static string Facts(UNetConfig config) => string.Join(
        ' ',
        [
            .. config.Levels(config.AttentionHeads),
            .. config.Levels(config.OnlyCrossAttention)
                .Where((_, level) => config.DownBlockTypes[level] == UNetConfig.CrossDown).Cast<object>(),
            config.MidBlockOnlyCrossAttention,
            config.NormNumGroups,
            config.NormEps,
            config.FlipSinToCos,
            config.FreqShift,
            config.AdditionTimeEmbedDim ?? 0,
        ]);

    private static (long Groups, double Scaling, double Shift) Facts(VaeConfig config) =>
        (config.NormNumGroups, config.ScalingFactor, config.ShiftFactor);

    private static (long Heads, string Activation, double Epsilon) Facts(ClipTextConfig config) =>
        (config.NumAttentionHeads, config.HiddenAct, config.LayerNormEps);

    private static (double, double, BetaSchedule, int, bool, bool, PredictionType) Facts(SchedulerConfig config) => (
        config.BetaStart,
        config.BetaEnd,
        config.BetaSchedule,
        config.NumTrainTimesteps,
        config.TrainedBetas is not null,
        config.RescaleBetasZeroSnr,
        config.PredictionType);

    private static (int Count, int Length, int Pad) Facts(ClipTokenizer tokenizer) =>
        (tokenizer.Count, tokenizer.MaxLength, tokenizer.PadId);
}
