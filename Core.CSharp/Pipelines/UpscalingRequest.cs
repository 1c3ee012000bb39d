using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>Which pictures to enlarge, and how.</summary>
public sealed record UpscalingRequest : DrawingRequest
{
    /// <inheritdoc cref="DrawingRequest()"/>
    public UpscalingRequest()
    {
        Steps = 75;
        Guidance = 9;
    }

    /// <summary>
    /// [n, 3, height, width], -1 to 1, as ImageTensor.FromImages gives them; one for each image, one for each prompt,
    /// or one for all. Not owned.
    /// </summary>
    public required Tensor Pictures { get; init; }

    /// <summary>
    /// The timestep whose noise is added to the small pictures, which the model is told: the higher, the freer it is to
    /// invent detail.
    /// </summary>
    public int NoiseLevel { get; init; } = 20;

    internal override string Name => "Upscaling";

    /// <inheritdoc/>
    internal override void Check()
    {
        base.Check();
        Require(
            Pictures is not null && Pictures.dim() == 4 && Pictures.shape[1] == 3 && Pictures.numel() > 0,
            $"the pictures are [{string.Join(", ", Pictures?.shape ?? [])}], not [n, 3, height, width]",
            "Make them of pictures with ImageTensor.FromImages.");
        RequireRows(Pictures!, "pictures");
        RequireWithin(Pictures!, -1, "pictures");
    }

    /// <summary>Refuses models that are no upscalers, and noise they were not trained with.</summary>
    internal void CheckModel(StableDiffusionModel model)
    {
        Require(
            model.LowResScheduler is not null && model.UNet.Config.NumClassEmbeds is not null,
            $"the model is no upscaler ({model.PipelineClass})",
            "Use a model such as stable-diffusion-x4-upscaler.");
        var most = Math.Min(
            model.MaxNoiseLevel,
            Math.Min(model.LowResScheduler!.NumTrainTimesteps, (int)model.UNet.Config.NumClassEmbeds!.Value) - 1);
        Require(
            NoiseLevel >= 0 && NoiseLevel <= most,
            $"the noise level is {NoiseLevel}",
            $"Give 0 to {most}, such as {Math.Min(20, most)}.");
        CheckControls(model, Pictures.shape[2], Pictures.shape[3]);
    }
}
