using Recipes.Core.Native;
using Recipes.Core.Pipelines;
using Recipes.Core.Training.Subjects;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The batches of <see cref="DiffusionTrainer"/>: visits of a <see cref="TrainingSet"/> with their latents and the states
/// of their captions. Everything random about a batch follows from its number alone; its noise is drawn by its pass.
/// </summary>
internal sealed class DiffusionBatches : IBatchSource
{
    private readonly StableDiffusionModel model;
    private readonly DiffusionTrainingOptions options;
    private readonly RandomStreams streams;
    private readonly TrainingSet set;
    private readonly PictureLatents latents;
    private readonly CaptionStates captions;
    private readonly DropoutDraws dropout;
    private readonly UpscalerDraws? upscaler;
    private readonly int noCaption;
    private readonly SubjectTokens? subjects;

    public DiffusionBatches(
        StableDiffusionModel model,
        DiffusionTrainingOptions options,
        RandomStreams streams,
        TrainingSet set,
        PictureLatents latents,
        CaptionStates captions,
        DropoutDraws dropout,
        UpscalerDraws? upscaler)
    {
        this.model = model;
        this.options = options;
        this.streams = streams;
        this.set = set;
        this.latents = latents;
        this.captions = captions;
        this.dropout = dropout;
        this.upscaler = upscaler;
        noCaption = captions.Captions.ToList().IndexOf("");
        subjects = options.Step.Auxiliary.Count == 0
            ? null
            : new SubjectTokens(
                model.Tokenizer,
                captions.Captions,
                [.. options.Concepts[0].Pictures[0].Subjects.Select(subject => subject.Phrase)]);
    }

    /// <inheritdoc/>
    public DenoisingBatch Batch(long number)
    {
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        var visits = upscaler?.LeaveOut(set.At(number), noCaption, number) ?? set.At(number);
        var found = visits
            .Select(visit => options.Crop == Data.CropRule.Random
                ? latents.Encode(visit.Picture, visit.Framing)
                : latents.Keep(visit.Picture, visit.Framing))
            .ToList();
        var mean = cat([.. found.Select(latent => latent.Mean)], 0);
        var deviation = cat([.. found.Select(latent => latent.Deviation)], 0);
        long[] rows = [.. visits.Select(visit => (long)visit.Caption)];
        var key = BatchDraws.Key(streams, number, model.Device);
        var (states, pooled) = Text(rows, key);
        var pending = new PendingNoise(deviation, options.Noise, model.Schedule.Count, upscaler);
        var made = new DenoisingBatch(mean, states, pending)
        {
            Key = key,
            PooledText = pooled,
            TimeIds = model.IsXL ? TimeIds(visits) : null,
            Control = options.Parts.ControlNet is null ? null : cat([.. found.Select(latent => latent.Control!)], 0),
            SmallPictures = upscaler is null ? null : cat([.. found.Select(latent => latent.Small!)], 0),
            PixelWeights = options.MaskedLoss is { } masked ? Weights(found, masked) : null,
            SubjectTokens = subjects?.Of(visits, model.Device),
            SubjectMasks = subjects is null ? null : Places(found, subjects.Count),
        };
        foreach (var tensor in made.Tensors)
        {
            tensor.MoveToOuterDisposeScope();
        }

        return made;
    }

    /// <summary>With gradients where the text encoder or a token is trained.</summary>
    private (Tensor States, Tensor? Pooled) Text(long[] rows, Tensor key)
    {
        if (captions.WithinPass)
        {
            return (captions.Ids(rows), null);
        }

        using var gradients = enable_grad();
        dropout.Begin(key);
        return captions.For(rows);
    }

    private Tensor TimeIds(IReadOnlyList<Visit> visits) => HostTensors.Send(
        tensor([.. visits.SelectMany(visit => visit.Framing.TimeIds)], [visits.Count, 6]), model.Device);

    private static Tensor Weights(IReadOnlyList<PictureLatent> found, MaskedLossOptions masked) =>
        SubjectMask.Weights(
            cat([.. found.Select(latent => latent.Mask ?? ones_like(latent.Mean.narrow(1, 0, 1)))], 0), masked);

    /// <summary>Where subjects are; nowhere in class pictures.</summary>
    private static Tensor Places(IReadOnlyList<PictureLatent> found, int count) => cat(
        [
            .. found.Select(latent => latent.Places
                ?? zeros_like(latent.Mean.narrow(1, 0, 1)).expand(1, count, -1, -1)),
        ],
        0);
}
