using Recipes.Core.Imaging;
using Recipes.Core.Networks;
using Recipes.Core.Pipelines.Denoising;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>
/// Pictures enlarged, four times with the public model: latents as large as the small picture are denoised, with the
/// small picture, itself made somewhat noisy, in further channels (Rombach et al. 2022, section 4.4).
/// </summary>
public static class Upscaling
{
    /// <summary>Enlarges the pictures of a request.</summary>
    /// <param name="model">An upscaler; adapters attached to it take part.</param>
    /// <param name="request">What to enlarge.</param>
    /// <param name="progress">Told how many of <see cref="DrawingRequest.TotalSteps"/> are done.</param>
    /// <param name="cancellation">Looked at before each evaluation of the network.</param>
    /// <exception cref="RecipesException">The request does not fit the model.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<Image> Run(
        StableDiffusionModel model,
        UpscalingRequest request,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default)
    {
        using var noise = Prepare(model, request);
        return Drawing.Images(model, request, group => Begin(group, request, noise), progress, cancellation);
    }

    /// <summary>Enlarges as <see cref="Run"/> does, and gives the decoder's output as it is.</summary>
    /// <inheritdoc cref="Run"/>
    /// <returns>[images, 3, height × factor, width × factor], about -1 to 1, float32 on the CPU.</returns>
    public static Tensor RunTensor(
        StableDiffusionModel model,
        UpscalingRequest request,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default)
    {
        using var noise = Prepare(model, request);
        return Drawing.Tensors(model, request, group => Begin(group, request, noise), progress, cancellation);
    }

    private static NoiseSchedule Prepare(StableDiffusionModel model, UpscalingRequest request)
    {
        request.Check();
        request.CheckModel(model);
        return new NoiseSchedule(model.LowResScheduler!);
    }

    /// <summary>The draws come in the reference's order: the small picture's noise, then the latents'.</summary>
    private static DrawingStart Begin(DrawingGroup group, UpscalingRequest request, NoiseSchedule low)
    {
        using var scope = NewDisposeScope();
        var small = request.Rows(request.Pictures, group.Range)
            .to(ScalarType.Float32, group.Model.Device)
            .expand(group.Count, -1, -1, -1);
        var level = full(group.Count, request.NoiseLevel, dtype: ScalarType.Int64, device: group.Model.Device);
        var noisy = low.AddNoise(small, group.Normal(small.shape), level);
        var latents = group
            .Normal(group.Count, group.Model.Vae.Config.LatentChannels, small.shape[2], small.shape[3])
            .mul(group.Sampling.InitialSigma);
        return new DrawingStart
        {
            Latents = latents.MoveToOuterDisposeScope(),
            Conditions = new UNetConditions { ClassLabels = group.ForUNet(level).MoveToOuterDisposeScope() },
            Parts = [new FurtherChannels(group.ForUNet(noisy).MoveToOuterDisposeScope())],
        };
    }
}
