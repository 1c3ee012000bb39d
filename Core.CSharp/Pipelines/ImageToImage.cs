using Recipes.Core.Imaging;
using Recipes.Core.Pipelines.Denoising;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>
/// Pictures drawn over: noise is added to their latents, and taken away again, led by the text (Meng et al. 2022).
/// </summary>
public static class ImageToImage
{
    /// <summary>Draws the pictures of a request.</summary>
    /// <param name="model">The model; adapters attached to it take part.</param>
    /// <param name="request">What to draw.</param>
    /// <param name="progress">Told how many of <see cref="DrawingRequest.TotalSteps"/> are done.</param>
    /// <param name="cancellation">Looked at before each evaluation of the network.</param>
    /// <exception cref="RecipesException">The request does not fit the model.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<Image> Run(
        StableDiffusionModel model,
        ImageToImageRequest request,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default) =>
        Drawing.Images(model, request, Starting(model, request), progress, cancellation);

    /// <summary>Draws as <see cref="Run"/> does, and gives the decoder's output as it is.</summary>
    /// <inheritdoc cref="Run"/>
    /// <returns>[images, 3, height, width], about -1 to 1, float32 on the CPU.</returns>
    public static Tensor RunTensor(
        StableDiffusionModel model,
        ImageToImageRequest request,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default) =>
        Drawing.Tensors(model, request, Starting(model, request), progress, cancellation);

    private static Func<DrawingGroup, DrawingStart> Starting(StableDiffusionModel model, ImageToImageRequest request)
    {
        request.Check();
        request.CheckSize(model);
        request.RequireLatentsAlone(model);
        return group =>
        {
            using var scope = NewDisposeScope();
            var clean = group.Encode(request.Rows(request.Pictures, group.Range));
            var noise = group.Normal(clean.shape);
            var first = request.First(group);
            return new DrawingStart
            {
                First = first,
                Latents = group.Sampling.AddNoise(clean, noise, first).MoveToOuterDisposeScope(),
            };
        };
    }
}
