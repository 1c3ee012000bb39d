using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The latent distributions of a set of pictures, computed once by the frozen autoencoder and kept on its device.
/// Latents are drawn anew from them at every visit.
/// </summary>
public sealed class LatentCache : IDisposable
{
    private readonly Tensor means;
    private readonly Tensor deviations;

    private LatentCache(Tensor means, Tensor deviations)
    {
        this.means = means;
        this.deviations = deviations;
    }

    /// <summary>How many pictures there are.</summary>
    public int Count => (int)means.shape[0];

    /// <summary>Shape of one picture's latents: channels, height, width.</summary>
    public long[] Shape => means.shape[1..];

    /// <summary>Encodes all pictures.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled between two pictures.</exception>
    public static LatentCache Encode(AutoencoderKL vae, TrainingImages images, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var means = new List<Tensor>();
        var deviations = new List<Tensor>();
        var device = vae.Device;
        for (var index = 0; index < images.Count; index++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            using var picture = vae.Encode(images.Read(index).to(device));
            var mean = picture.Mean.to(ScalarType.Float32) * vae.Config.ScalingFactor;
            var deviation = picture.LogVar.to(ScalarType.Float32).mul(0.5).exp() * vae.Config.ScalingFactor;
            means.Add(mean.MoveToOuterDisposeScope());
            deviations.Add(deviation.MoveToOuterDisposeScope());
        }

        return new LatentCache(cat(means, 0).DetachFromDisposeScope(), cat(deviations, 0).DetachFromDisposeScope());
    }

    /// <summary>Latents, scaled for the denoiser: mean + deviation × noise.</summary>
    /// <param name="items">Which pictures.</param>
    /// <param name="noise">Standard normal, [items, channels, height, width], on the cache's device.</param>
    public Tensor Draw(long[] items, Tensor noise)
    {
        using var scope = NewDisposeScope();
        var index = tensor(items, dtype: ScalarType.Int64, device: means.device);
        return (means.index_select(0, index) + (deviations.index_select(0, index) * noise)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        means.Dispose();
        deviations.Dispose();
    }
}
