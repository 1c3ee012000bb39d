using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket.Pretraining;

/// <summary>
/// Trains a CLIP tower pair with the symmetric contrastive loss (Radford et al. 2021, figure 3):
/// within a batch each picture must find its caption and each caption its picture.
/// </summary>
public static class ClipStage
{
    /// <summary>Trains <paramref name="clip"/>.</summary>
    /// <param name="clip">The towers, their weights filled.</param>
    /// <param name="pairs">
    /// Draws pictures [batch, 3, size, size], already normalised for the tower, and token ids [batch, length].
    /// </param>
    /// <param name="options">The budget.</param>
    /// <param name="progress">Told of the loss.</param>
    /// <param name="cancellation">Stops after the running step.</param>
    public static StageResult Run(
        ClipModel clip,
        Func<long, (Tensor Pixels, Tensor Ids)> pairs,
        StageOptions options,
        IProgress<StageProgress> progress,
        CancellationToken cancellation)
    {
        using var trainee = new Trainee(clip, options);
        var dtype = trainee.ComputeType;
        var done = Stage.Run(
            "clip",
            options,
            trainee,
            step =>
            {
                var (pixels, ids) = pairs(step);
                var image = Unit(clip.EmbedImages(pixels.to(dtype)));
                var text = Unit(clip.EmbedText(ids));
                var scale = clip.LogitScale.to(ScalarType.Float32).exp().clamp(max: 100);
                var logits = image.matmul(text.t()) * scale;
                var own = arange(logits.shape[0], device: logits.device);
                return (nn.functional.cross_entropy(logits, own) + nn.functional.cross_entropy(logits.t(), own)) * 0.5;
            },
            progress,
            cancellation);
        return new StageResult(trainee.Average(), done);
    }

    private static Tensor Unit(Tensor embedding) =>
        nn.functional.normalize(embedding.to(ScalarType.Float32), dim: -1);
}
