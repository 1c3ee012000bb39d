using Recipes.Core.Imaging;
using Recipes.Core.Pipelines.Denoising;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>
/// Holes in pictures filled, led by the text. Models made for it are told the mask and what is around the hole
/// (Rombach et al. 2022, section 4.5); with any other, what is around is put back after each step, as noisy as the
/// rest (Lugmayr et al. 2022, equation 8).
/// </summary>
public static class Inpainting
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
        InpaintingRequest request,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default) =>
        Drawing.Images(model, request, Starting(model, request), progress, cancellation);

    /// <summary>Draws as <see cref="Run"/> does, and gives the decoder's output as it is.</summary>
    /// <inheritdoc cref="Run"/>
    /// <returns>[images, 3, height, width], about -1 to 1, float32 on the CPU.</returns>
    public static Tensor RunTensor(
        StableDiffusionModel model,
        InpaintingRequest request,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default) =>
        Drawing.Tensors(model, request, Starting(model, request), progress, cancellation);

    private static Func<DrawingGroup, DrawingStart> Starting(StableDiffusionModel model, InpaintingRequest request)
    {
        request.Check();
        request.CheckSize(model);
        var told = model.UNet.Config.InChannels == (2 * model.Vae.Config.LatentChannels) + 1;
        if (!told)
        {
            request.RequireLatentsAlone(model);
        }

        return group => Begin(group, request, told);
    }

    /// <summary>
    /// The draws come in the reference's order: the picture's latents, the noise, the masked picture's.
    /// </summary>
    private static DrawingStart Begin(DrawingGroup group, InpaintingRequest request, bool told)
    {
        using var scope = NewDisposeScope();
        var (vae, factor) = (group.Model.Vae, group.Model.Vae.Config.Factor);
        var pictures = request.Rows(request.Pictures, group.Range).to(ScalarType.Float32, group.Model.Device);
        var holes = request.Rows(request.Masks, group.Range).to(ScalarType.Float32, group.Model.Device).ge(0.5);
        long[] shape =
        [
            group.Count,
            vae.Config.LatentChannels,
            request.Pictures.shape[2] / factor,
            request.Pictures.shape[3] / factor,
        ];
        var first = request.First(group);
        var around = !told || request.Strength < 1 ? group.Encode(pictures) : null;
        var noise = group.Normal(shape);
        var latents = request.Strength < 1
            ? group.Sampling.AddNoise(around!, noise, first)
            : noise.mul(group.Sampling.InitialSigma);
        var mask = nn.functional
            .interpolate(holes.to_type(ScalarType.Float32), [shape[2], shape[3]], mode: InterpolationMode.Nearest)
            .expand(group.Count, -1, -1, -1);
        var start = new DrawingStart { First = first, Latents = latents.MoveToOuterDisposeScope() };
        var masked = pictures.mul(holes.logical_not());
        if (told)
        {
            var channels = group.ForUNet(cat([mask, group.Encode(masked)], 1)).MoveToOuterDisposeScope();
            return start with { Parts = [new FurtherChannels(channels)] };
        }

        // Nothing is made of it, but later draws come after it.
        group.DrawFor(masked);
        var (kept, drawn, hole) = (
            around!.MoveToOuterDisposeScope(), noise.MoveToOuterDisposeScope(), mask.MoveToOuterDisposeScope());
        return start with
        {
            AfterStep = (next, index) =>
            {
                using var inner = NewDisposeScope();
                var last = index + 1 == group.Sampling.Timesteps.Count;
                var known = last ? kept : group.Sampling.AddNoise(kept, drawn, index + 1);
                return lerp(known, next, hole).MoveToOuterDisposeScope();
            },
        };
    }
}
