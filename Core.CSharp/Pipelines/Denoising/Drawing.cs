using Recipes.Core.Imaging;
using Recipes.Core.Kernels;
using Recipes.Core.Pipelines.Prompts;
using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>What all pipelines do: group by group, encode the texts, begin, denoise, decode.</summary>
internal static class Drawing
{
    /// <summary>The pictures of a request.</summary>
    public static IReadOnlyList<Image> Images(
        StableDiffusionModel model,
        DrawingRequest request,
        Func<DrawingGroup, DrawingStart> begin,
        IProgress<int>? progress,
        CancellationToken cancellation)
    {
        var pictures = new List<Image>();
        Run(model, request, begin, progress, cancellation, group => pictures.AddRange(ImageTensor.ToImages(group)));
        return pictures;
    }

    /// <summary>The same as the decoder gives them, [images, 3, height, width], float32 on the CPU.</summary>
    public static Tensor Tensors(
        StableDiffusionModel model,
        DrawingRequest request,
        Func<DrawingGroup, DrawingStart> begin,
        IProgress<int>? progress,
        CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var groups = new List<Tensor>();
        Run(model, request, begin, progress, cancellation, group => groups.Add(group.MoveToOuterDisposeScope()));
        return cat(groups, 0).MoveToOuterDisposeScope();
    }

    private static void Run(
        StableDiffusionModel model,
        DrawingRequest request,
        Func<DrawingGroup, DrawingStart> begin,
        IProgress<int>? progress,
        CancellationToken cancellation,
        Action<Tensor> done)
    {
        request.Check();
        var prompts = request.ForEach(request.Prompts);
        var negatives = request.NegativePrompts is { } given ? request.ForEach(given) : null;
        var sampler = request.Sampler ?? Samplers.From(model.Scheduler);
        var finished = 0;
        using var gradients = no_grad();
        FusedNetworks.Prepare(model.UNet);
        FusedNetworks.Prepare(model.Vae);
        foreach (var control in request.Controls)
        {
            FusedNetworks.Prepare(control.Network);
        }

        foreach (var range in request.Groups)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var noise = request.Noise(range);
            using var sampling = sampler.Begin(request.Steps);
            var group = new DrawingGroup(model, range, request.Led.IsOn, sampling, noise, request.VaeTiling);
            var texts = group.Guided
                ? PromptEncoder.EncodeGuided(
                    model, negatives?.Take(range).ToList(), [.. prompts.Take(range)], request.Prompting)
                : PromptEncoder.Encode(model, [.. prompts.Take(range)], request.Prompting);
            using var controls = new ControlParts(request, group);
            var start = Told(begin(group), group, request);
            start = start with { Parts = [.. start.Parts, .. controls.Parts] };
            var reported = 0;
            var clean = Denoise();
            cancellation.ThrowIfCancellationRequested();
            var kept = model.UNet.Recordings as KeptRecordings;
            done(LatentCoder.Decode(model.Vae, clean, request.VaeTiling, kept));
            model.UNet.DrawingPlainReason ??= kept?.Decoder.PlainReason;
            finished += request.Taken;

            Tensor Denoise()
            {
                var count = sampling.Timesteps.Count;
                var steps = RecordedEvaluations.CanRecord(count - start.First, model.Device)
                    ? DenoisingLoop.Steps(sampling, start, watched: request.AfterStep is not null)
                    : null;
                using var denoiser = new Denoiser(model.UNet, request.Led, texts, start, count, steps);
                return DenoisingLoop.Run(
                    denoiser, start, sampling, noise, request.AfterStep is null ? null : Asked, Report, cancellation);
            }

            Tensor? Asked(int made, Tensor latents) => request.AfterStep!(
                new SamplingStep(made, sampling.Timesteps[start.First + made], latents, range));

            // Some samplers evaluate the network more often than they take steps.
            void Report(int made, int count)
            {
                var steps = made * request.Taken / count;
                for (; reported < steps; reported++)
                {
                    progress?.Report(finished + reported + 1);
                }
            }
        }
    }

    /// <summary>Tells SDXL the sizes.</summary>
    private static DrawingStart Told(DrawingStart start, DrawingGroup group, DrawingRequest request)
    {
        var model = group.Model;
        if (!model.IsXL)
        {
            return start;
        }

        var factor = model.Vae.Config.Factor;
        var picture = ((int)start.Latents.shape[2] * factor, (int)start.Latents.shape[3] * factor);
        var sizes = request.Sizes ?? new SizeConditions();
        var positive = Rows(sizes);
        var ids = group.Guided ? cat([Rows(request.NegativeSizes ?? sizes), positive], 0) : positive;
        return start with { Conditions = (start.Conditions ?? new()) with { TimeIds = ids } };

        Tensor Rows(SizeConditions told) =>
            tensor(told.TimeIds(picture), device: model.Device).reshape(1, -1).expand(group.Count, -1);
    }
}
