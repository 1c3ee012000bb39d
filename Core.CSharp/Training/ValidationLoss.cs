using System.Globalization;
using Recipes.Core.Data;
using Recipes.Core.Pipelines;
using Recipes.Core.Schedules;
using Recipes.Core.Training.Caches;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The loss on pictures held out: each at its most likely latents, in the middle cut, with its first caption, and always
/// with the same noise and times. Nothing of the training's own random numbers is used.
/// </summary>
internal sealed class ValidationLoss : IDisposable
{
    private const string Stream = "validation";

    private readonly StableDiffusionModel model;
    private readonly ValidationOptions options;
    private readonly Func<Tensor, DenoisingBatch, Tensor> network;
    private readonly RandomStreams streams;
    private readonly NoiseSchedule schedule;
    private readonly bool controlled;
    private readonly List<(PictureLatent Latent, Framing Framing)> pictures = [];
    private readonly CaptionStates captions;
    private readonly UpscalerDraws? upscaler;

    public ValidationLoss(
        StableDiffusionModel model,
        DiffusionTrainingOptions training,
        Func<Tensor, DenoisingBatch, Tensor> network,
        NoiseSchedule schedule,
        RandomStreams streams,
        PictureLatents latents,
        TextStore? texts,
        UpscalerDraws? upscaler)
    {
        this.model = model;
        this.upscaler = upscaler;
        this.schedule = schedule;
        this.network = network;
        this.streams = streams;
        options = training.Validation!;
        controlled = training.Parts.ControlNet is not null;
        foreach (var picture in options.Pictures)
        {
            var size = PreparedPicture.Measure(picture);
            var bucket = Buckets.Of(size.Width, size.Height, training.Buckets, picture.Path);
            var framing = Framing.Centre(size, bucket);
            pictures.Add((latents.Keep(picture, framing), framing));
        }

        captions = new CaptionStates(
            model, [.. options.Pictures.Select(picture => picture.Caption)], training.Parts.ChangesText, texts);
    }

    /// <summary>
    /// The mean over pictures and times, as validation_loss, and over pictures at each time t, as validation_loss_t.
    /// </summary>
    public IReadOnlyDictionary<string, double> Measure()
    {
        using var none = no_grad();
        var (count, losses) = (schedule.Count, new Dictionary<string, double>());
        for (var place = 0; place < options.Times; place++)
        {
            var time = (long)((place + 0.5) * count / options.Times);
            var sum = 0.0;
            for (var index = 0; index < pictures.Count; index++)
            {
                sum += Loss(index, time, ((long)index * options.Times) + place);
            }

            losses[string.Create(CultureInfo.InvariantCulture, $"validation_loss_{time}")] = sum / pictures.Count;
        }

        losses["validation_loss"] = losses.Values.Average();
        return losses;
    }

    /// <inheritdoc/>
    public void Dispose() => captions.Dispose();

    private double Loss(int index, long time, long draw)
    {
        using var scope = NewDisposeScope();
        var (latent, framing) = pictures[index];
        var draws = new BatchDraws(BatchDraws.Key(streams, draw, model.Device, Stream));
        var noise = draws.Normal(BatchStream.Noise, latent.Mean.shape);
        var small = upscaler?.Noisy(latent.Small!, draws);
        var times = tensor([time], device: model.Device);
        var (states, pooled) = captions.For([index]);
        var batch = new DenoisingBatch(latent.Mean, noise, times, states)
        {
            PooledText = pooled,
            TimeIds = model.IsXL ? tensor(framing.TimeIds, [1, 6], device: model.Device) : null,
            Control = controlled ? latent.Control : null,
            SmallPictures = small?.Pictures,
            NoiseLevels = small?.Levels,
        };
        var prediction = network(schedule.AddNoise(latent.Mean, noise, times), batch);
        return DiffusionLoss.Compute(prediction, schedule.Target(latent.Mean, noise, times)).Total.item<float>();
    }
}
