using System.Buffers.Binary;
using System.Globalization;
using Recipes.Core.Models;
using Recipes.Core.Networks;
using Recipes.Core.Schedules;

namespace Recipes.Core.Weights.Original;

/// <summary>What checkpoints of each kind were trained with and no tensor tells: noise, resolution, scaling.</summary>
internal static class CheckpointDefaults
{
    /// <summary>The training step at which the published SD 2 base model (epsilon, 512 pixels) was saved.</summary>
    private const long BaseStep = 875_000;

    /// <summary>The diffusers pipeline of a UNet that takes that many channels; null where there is none.</summary>
    public static string? PipelineClass(UNetConfig unet, long latents, bool xl) => unet switch
    {
        { NumClassEmbeds: not null } => xl ? null : PipelineClasses.Upscaling,
        _ when unet.InChannels == latents => xl ? PipelineClasses.XLTextToImage : PipelineClasses.TextToImage,
        _ when unet.InChannels == (2 * latents) + 1 => xl ? PipelineClasses.XLInpainting : PipelineClasses.Inpainting,
        _ => null,
    };

    /// <summary>The latents' factor.</summary>
    public static double Scaling(bool xl, bool upscaler) => xl ? 0.13025 : upscaler ? 0.08333 : 0.18215;

    /// <summary>
    /// The side of the pictures it was trained on, in pixels: what the header says (modelspec.resolution), else the
    /// family's.
    /// </summary>
    public static long Resolution(CheckpointHeader header, string pipeline, PredictionType prediction, bool linear)
    {
        if (header.Metadata.TryGetValue("modelspec.resolution", out var stated)
            && int.TryParse(stated.Split('x')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var size)
            && size is > 0 and <= 65536)
        {
            return size;
        }

        return PipelineClasses.IsXL(pipeline) ? 1024
            : linear && pipeline == PipelineClasses.TextToImage && prediction == PredictionType.Velocity ? 768
            : 512;
    }

    /// <summary>The noise it was trained with, and the sampler its family was published with.</summary>
    /// <param name="header">The keys.</param>
    /// <param name="file">The file with its values; null for one that has no global_step.</param>
    /// <param name="pipeline">The diffusers pipeline.</param>
    /// <param name="linear">Whether the UNet's transformers project by linear maps, as from SD 2 on.</param>
    public static SchedulerConfig Scheduler(
        CheckpointHeader header, SafeTensorsFile? file, string pipeline, bool linear)
    {
        var upscaler = pipeline == PipelineClasses.Upscaling;
        return new SchedulerConfig
        {
            Where = header.Path,
            ClassName = PipelineClasses.IsXL(pipeline) ? "EulerDiscreteScheduler"
                : linear ? "DDIMScheduler"
                : "PNDMScheduler",
            BetaStart = upscaler ? 0.0001 : 0.00085,
            BetaEnd = upscaler ? 0.02 : 0.012,
            BetaSchedule = BetaSchedule.ScaledLinear,
            NumTrainTimesteps = 1000,
            StepsOffset = 1,
            SetAlphaToOne = false,
            ClipSample = false,
            TimestepSpacing = TimestepSpacing.Leading,
            PredictionType = Prediction(header, file, pipeline, linear),
            RescaleBetasZeroSnr = header.Has("ztsnr"),
            // Read by PNDM alone.
            Solver = new SolverSettings { SkipPrkSteps = true },
        };
    }

    /// <summary>The noise of an upscaler's small picture.</summary>
    public static SchedulerConfig LowResScheduler(CheckpointHeader header) => new()
    {
        Where = header.Path,
        ClassName = "DDPMScheduler",
        BetaStart = 0.0001,
        BetaEnd = 0.02,
        BetaSchedule = BetaSchedule.ScaledLinear,
        NumTrainTimesteps = 1000,
        StepsOffset = 0,
        ClipSample = true,
    };

    /// <summary>
    /// By the header (modelspec.prediction_type), the mark v_pred, or the family: the upscaler and SD 2 predict v, but
    /// for SD 2 saved at the base model's step and for inpainting.
    /// </summary>
    private static PredictionType Prediction(
        CheckpointHeader header, SafeTensorsFile? file, string pipeline, bool linear)
    {
        var velocity = header.Metadata.GetValueOrDefault("modelspec.prediction_type") switch
        {
            "v" or "v_prediction" => true,
            "epsilon" => false,
            _ => header.Has("v_pred")
                || pipeline == PipelineClasses.Upscaling
                || (linear && pipeline == PipelineClasses.TextToImage && Step(header, file) != BaseStep),
        };
        return velocity ? PredictionType.Velocity : PredictionType.Epsilon;
    }

    private static long? Step(CheckpointHeader header, SafeTensorsFile? file) =>
        file is not null && header.Tensors.TryGetValue("global_step", out var info) && info.Count == 1
            ? info.DType switch
            {
                DType.I64 => BinaryPrimitives.ReadInt64LittleEndian(file.Bytes(info.Name)),
                DType.I32 => BinaryPrimitives.ReadInt32LittleEndian(file.Bytes(info.Name)),
                DType.F32 => (long)BinaryPrimitives.ReadSingleLittleEndian(file.Bytes(info.Name)),
                _ => null,
            }
            : null;
}
