using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>What one pass of a denoising network is trained on.</summary>
/// <param name="Latents">Clean latents, scaled, [batch, channels, height, width], float32.</param>
/// <param name="Noise">Standard normal noise of that shape.</param>
/// <param name="Timesteps">Diffusion times, [batch], int64.</param>
/// <param name="Context">
/// Text embeddings, [batch, tokens, width]; where the pass itself encodes the captions, their token ids by text encoder,
/// [batch, encoders, tokens], int64.
/// </param>
public sealed record DenoisingBatch(Tensor Latents, Tensor Noise, Tensor Timesteps, Tensor Context)
{
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

    /// <summary>What decides which inputs adapters leave out in this pass, [1], int64; null for no dropout.</summary>
    public Tensor? DropoutKey { get; init; }

    /// <summary>
    /// What a network that looks at the text shall record its attention with; set for the passes whose losses need it.
    /// </summary>
    public AttentionRecorder? Attention { get; init; }

    /// <summary>All tensors there are, in a fixed order.</summary>
    internal Tensor[] Tensors =>
    [
        .. ((Tensor?[])
            [
                Latents, Noise, Timesteps, Context, InputNoise, PooledText, TimeIds, Control, SmallPictures,
                NoiseLevels, PixelWeights, SubjectTokens, SubjectMasks, DropoutKey,
            ])
            .OfType<Tensor>(),
    ];

    /// <summary>The batch with another tensor for each.</summary>
    internal DenoisingBatch Map(Func<Tensor, Tensor> map)
    {
        return new DenoisingBatch(map(Latents), map(Noise), map(Timesteps), map(Context))
        {
            InputNoise = Further(InputNoise),
            PooledText = Further(PooledText),
            TimeIds = Further(TimeIds),
            Control = Further(Control),
            SmallPictures = Further(SmallPictures),
            NoiseLevels = Further(NoiseLevels),
            PixelWeights = Further(PixelWeights),
            SubjectTokens = Further(SubjectTokens),
            SubjectMasks = Further(SubjectMasks),
            DropoutKey = Further(DropoutKey),
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
