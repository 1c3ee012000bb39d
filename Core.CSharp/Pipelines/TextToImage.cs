using Recipes.Core.Imaging;
using Recipes.Core.Networks;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>Pictures from prompts: denoising from random latents, led by the text, then decoding.</summary>
public static class TextToImage
{
    /// <summary>Draws one picture for each seed.</summary>
    /// <param name="model">The model; adapters attached to it take part.</param>
    /// <param name="request">What to draw.</param>
    /// <param name="progress">Told how many of <see cref="TextToImageRequest.TotalSteps"/> are done.</param>
    /// <param name="cancellation">Looked at before each step.</param>
    /// <exception cref="RecipesException">The request does not fit the model.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<Image> Run(
        StableDiffusionModel model,
        TextToImageRequest request,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default)
    {
        var pictures = new List<Image>();
        Draw(model, request, null, progress, cancellation, group => pictures.AddRange(ImageTensor.ToImages(group)));
        return pictures;
    }

    /// <summary>Draws as <see cref="Run"/> does, and gives the decoder's output as it is.</summary>
    /// <param name="model">The model; adapters attached to it take part.</param>
    /// <param name="request">What to draw.</param>
    /// <param name="latents">
    /// Standard normal noise to start from, [images, channels, height, width] in latent positions; drawn from the
    /// seeds when null.
    /// </param>
    /// <param name="progress">Told how many of <see cref="TextToImageRequest.TotalSteps"/> are done.</param>
    /// <param name="cancellation">Looked at before each step.</param>
    /// <returns>[images, 3, height, width], about -1 to 1, float32 on the CPU.</returns>
    public static Tensor RunTensor(
        StableDiffusionModel model,
        TextToImageRequest request,
        Tensor? latents = null,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        var groups = new List<Tensor>();
        Draw(model, request, latents, progress, cancellation, group => groups.Add(group.MoveToOuterDisposeScope()));
        return cat(groups, 0).MoveToOuterDisposeScope();
    }

    private static void Draw(
        StableDiffusionModel model,
        TextToImageRequest request,
        Tensor? latents,
        IProgress<int>? progress,
        CancellationToken cancellation,
        Action<Tensor> done)
    {
        request.Check();
        var (height, width) = request.LatentSize(model.UNet.Config, model.Vae.Config);
        var prompts = request.ForEach(request.Prompts);
        var negatives = request.ForEach(request.NegativePrompts ?? [""]);
        var sampler = request.Sampler ?? new DdimSampler(model.Scheduler);
        var steps = 0;
        using var gradients = no_grad();
        for (var first = 0; first < request.Seeds.Count; first += request.BatchSize)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(request.BatchSize, request.Seeds.Count - first);
            var range = new Range(first, first + count);
            using var noise = NoiseSource.PerImage(request.Seeds.Take(range));
            long[] shape = [count, model.Vae.Config.LatentChannels, height, width];
            var start = latents is null
                ? noise.Normal(shape, model.Device, ScalarType.Float32)
                : Given(latents, request.Seeds.Count, shape).narrow(0, first, count).to(model.Device);
            using var denoiser = new GuidedDenoiser(
                model, [.. prompts.Take(range)], [.. negatives.Take(range)], request.Guidance);
            using var sampling = sampler.Begin(request.Steps);
            var clean = Denoise(denoiser, sampling, start, noise, cancellation, () => progress?.Report(++steps));
            cancellation.ThrowIfCancellationRequested();
            done(Decode(model.Vae, clean));
        }
    }

    private static Tensor Denoise(
        GuidedDenoiser denoiser,
        ISampling sampling,
        Tensor noise,
        NoiseSource source,
        CancellationToken cancellation,
        Action stepped)
    {
        var latents = noise.mul(sampling.InitialSigma);
        for (var index = 0; index < sampling.Timesteps.Count; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var input = sampling.ScaleInput(latents, index);
            var output = denoiser.Predict(input, sampling.Timesteps[index]);
            var next = sampling.Step(output, index, latents, source);
            latents.Dispose();
            latents = next.MoveToOuterDisposeScope();
            stepped();
        }

        return latents;
    }

    /// <summary>One picture at a time: the decoder takes far more memory than the denoiser.</summary>
    private static Tensor Decode(AutoencoderKL vae, Tensor latents)
    {
        using var scope = NewDisposeScope();
        var unscaled = latents.div(vae.Config.ScalingFactor).add_(vae.Config.ShiftFactor);
        var pictures = new List<Tensor>();
        for (var i = 0; i < latents.shape[0]; i++)
        {
            using var one = unscaled.narrow(0, i, 1);
            using var picture = vae.Decode(one);
            pictures.Add(picture.to(ScalarType.Float32, CPU, copy: true));
        }

        return cat(pictures, 0).MoveToOuterDisposeScope();
    }

    private static Tensor Given(Tensor latents, int images, long[] shape)
    {
        long[] wanted = [images, .. shape[1..]];
        return latents.shape.SequenceEqual(wanted)
            ? latents
            : throw new RecipesException(
                "Text to image",
                $"the given latents are [{string.Join(", ", latents.shape)}], not [{string.Join(", ", wanted)}]",
                "Give latents for each seed, of the height and width asked for.");
    }
}
