using Recipes.Core.Imaging;
using Recipes.Core.Pipelines.Denoising;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>Pictures from prompts: denoising from random latents, led by the text, then decoding.</summary>
public static class TextToImage
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
        TextToImageRequest request,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default) =>
        Drawing.Images(model, request, Starting(model, request, null), progress, cancellation);

    /// <summary>Draws as <see cref="Run"/> does, and gives the decoder's output as it is.</summary>
    /// <param name="model">The model; adapters attached to it take part.</param>
    /// <param name="request">What to draw.</param>
    /// <param name="latents">
    /// Standard normal noise to start from, [images, channels, height, width] in latent positions; drawn from the
    /// seeds when null.
    /// </param>
    /// <param name="progress">Told how many of <see cref="DrawingRequest.TotalSteps"/> are done.</param>
    /// <param name="cancellation">Looked at before each evaluation of the network.</param>
    /// <returns>[images, 3, height, width], about -1 to 1, float32 on the CPU.</returns>
    public static Tensor RunTensor(
        StableDiffusionModel model,
        TextToImageRequest request,
        Tensor? latents = null,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default) =>
        Drawing.Tensors(model, request, Starting(model, request, latents), progress, cancellation);

    private static Func<DrawingGroup, DrawingStart> Starting(
        StableDiffusionModel model, TextToImageRequest request, Tensor? latents)
    {
        request.Check();
        var (channels, (height, width)) = (model.Vae.Config.LatentChannels, request.LatentSize(model));
        request.RequireLatentsAlone(model);
        request.CheckControls(model, height, width);
        long[] all = [request.Images, channels, height, width];
        request.Require(
            latents is null || latents.shape.SequenceEqual(all),
            $"the given latents are [{string.Join(", ", latents?.shape ?? [])}], not [{string.Join(", ", all)}]",
            "Give latents for each image, of the height and width asked for.");
        return group =>
        {
            using var scope = NewDisposeScope();
            var noise = latents is null
                ? group.Normal(group.Count, channels, height, width)
                : latents.narrow(0, group.Range.Start.Value, group.Count).to(ScalarType.Float32, group.Model.Device);
            return new DrawingStart { Latents = noise.mul(group.Sampling.InitialSigma).MoveToOuterDisposeScope() };
        };
    }
}
