using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>What one pass of a denoising network is trained on.</summary>
public sealed record DenoisingBatch
{
    /// <summary>A batch with its noise.</summary>
    /// <param name="latents">See <see cref="Latents"/>.</param>
    /// <param name="noise">See <see cref="Noise"/>.</param>
    /// <param name="timesteps">See <see cref="Timesteps"/>.</param>
    /// <param name="context">See <see cref="Context"/>.</param>
    public DenoisingBatch(Tensor latents, Tensor noise, Tensor timesteps, Tensor context)
        : this(latents, context, (PendingNoise?)null)
    {
        GivenNoise = noise;
        GivenTimesteps = timesteps;
    }

    /// <summary>A batch whose noise its pass draws.</summary>
    internal DenoisingBatch(Tensor latents, Tensor context, PendingNoise? pending)
    {
        Latents = latents;
        Context = context;
        Pending = pending;
    }

    /// <summary>
    /// Clean latents, scaled, [batch, channels, height, width], float32; the most likely ones while the draw from their
    /// distribution is pending.
    /// </summary>
    public Tensor Latents { get; init; }

    /// <summary>Standard normal noise of the latents' shape.</summary>
    /// <exception cref="InvalidOperationException">It is not drawn yet.</exception>
    public Tensor Noise
    {
        get => GivenNoise ?? throw new InvalidOperationException("the batch's noise is not drawn yet");
        init => GivenNoise = value;
    }

    /// <summary>Diffusion times, [batch], int64.</summary>
    /// <exception cref="InvalidOperationException">They are not drawn yet.</exception>
    public Tensor Timesteps
    {
        get => GivenTimesteps ?? throw new InvalidOperationException("the batch's times are not drawn yet");
        init => GivenTimesteps = value;
    }

    /// <summary>
    /// Text embeddings, [batch, tokens, width]; where the pass itself encodes the captions, their token ids by text
    /// encoder, [batch, encoders, tokens], int64.
    /// </summary>
    public Tensor Context { get; init; }

    /// <summary>
    /// Decides all that is drawn for the batch, and which inputs adapters leave out in its pass, [1], int64; null where
    /// nothing is drawn.
    /// </summary>
    public Tensor? Key { get; init; }

    /// <summary>What is drawn when the pass begins; null where all is there.</summary>
    internal PendingNoise? Pending { get; init; }

    /// <summary>The noise that is added to the latents, where it is not what the network shall find.</summary>
    public Tensor? InputNoise { get; init; }

    /// <summary>The pooled text of SDXL, [batch, width].</summary>
    public Tensor? PooledText { get; init; }

    /// <summary>Original size, crop and target size of SDXL, [batch, 6], height before width, float32.</summary>
    public Tensor? TimeIds { get; init; }

    /// <summary>Control pictures, [batch, channels, height, width] in 0 to 1, where a ControlNet is trained.</summary>
    public Tensor? Control { get; init; }

    /// <summary>
    /// An upscaler's small pictures, their own noise added, [batch, 3, height, width] in the latents' size, float32.
    /// </summary>
    public Tensor? SmallPictures { get; init; }

    /// <summary>The level of the noise in <see cref="SmallPictures"/>, [batch], int64.</summary>
    public Tensor? NoiseLevels { get; init; }

    /// <summary>
    /// How much each pixel of the latents counts in the loss, [batch, 1, height, width], float32; null for 1 all over.
    /// </summary>
    public Tensor? PixelWeights { get; init; }

    /// <summary>
    /// Which of the text's positions name each subject, [batch, subjects, tokens], float32: 1/n at each of its n
    /// tokens, zeros where the picture's caption does not name it. For losses that look at attention maps.
    /// </summary>
    public Tensor? SubjectTokens { get; init; }

    /// <summary>
    /// Where each subject is, [batch, subjects, height, width] in 0 to 1, in the latents' size, float32.
    /// </summary>
    public Tensor? SubjectMasks { get; init; }

    /// <summary>
    /// What a network that looks at the text shall record its attention with; set for the passes whose losses need it.
    /// </summary>
    public AttentionRecorder? Attention { get; init; }

    private Tensor? GivenNoise { get; init; }

    private Tensor? GivenTimesteps { get; init; }

    /// <summary>All tensors there are, in a fixed order.</summary>
    internal Tensor[] Tensors =>
    [
        .. ((Tensor?[])
            [
                Latents, GivenNoise, GivenTimesteps, Context, InputNoise, PooledText, TimeIds, Control, SmallPictures,
                NoiseLevels, PixelWeights, SubjectTokens, SubjectMasks, Key, Pending?.Deviation,
            ])
            .OfType<Tensor>(),
    ];

    /// <summary>The batch with its noise, drawn now where it is pending.</summary>
    internal DenoisingBatch Drawn() => Pending?.Draw(this) ?? this;

    /// <summary>The batch with another tensor for each.</summary>
    internal DenoisingBatch Map(Func<Tensor, Tensor> map)
    {
        return this with
        {
            Latents = map(Latents),
            GivenNoise = Further(GivenNoise),
            GivenTimesteps = Further(GivenTimesteps),
            Context = map(Context),
            Pending = Pending is null ? null : Pending with { Deviation = Further(Pending.Deviation) },
            InputNoise = Further(InputNoise),
            PooledText = Further(PooledText),
            TimeIds = Further(TimeIds),
            Control = Further(Control),
            SmallPictures = Further(SmallPictures),
            NoiseLevels = Further(NoiseLevels),
            PixelWeights = Further(PixelWeights),
            SubjectTokens = Further(SubjectTokens),
            SubjectMasks = Further(SubjectMasks),
            Key = Further(Key),
        };

        Tensor? Further(Tensor? tensor) => tensor is null ? null : map(tensor);
    }
}

/// <summary>Where batches come from.</summary>
public interface IBatchSource
{
    /// <summary>A batch, decided by its number alone so that resuming gives the same one.</summary>
    /// <param name="number">Counts batches from 0: optimiser step × accumulation + pass.</param>
    DenoisingBatch Batch(long number);
}
