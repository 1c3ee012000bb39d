using Recipes.Core.Kernels;
using Recipes.Core.Native;
using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// The autoencoder's decoding of one picture's latents, recorded at the second picture of a shape and replayed from
/// then on: the first readies libraries. What fits lies in the memory of the UNet's recordings, which never run at the
/// same time.
/// </summary>
internal sealed class RecordedDecoder : IDisposable
{
    private string? known;
    private object[] weights = [];
    private (Tensor Latents, Tensor Picture, CudaGraph Graph)? recording;

    /// <summary>Why pictures are decoded as usual although they could have been recorded; null otherwise.</summary>
    public string? PlainReason { get; private set; }

    /// <summary>Forgets what another autoencoder's weights, or the same at another place, have recorded.</summary>
    public void Prepare(AutoencoderKL vae)
    {
        var lie = KeptRecordings.Lie([vae]);
        if (!weights.AsSpan().SequenceEqual(lie))
        {
            Dispose();
            (known, weights) = (null, lie);
        }
    }

    /// <summary>The picture, in the caller's dispose scope.</summary>
    /// <param name="vae">The autoencoder last prepared, which maps the whole picture at once.</param>
    /// <param name="latents">[1, channels, height, width], unscaled.</param>
    /// <param name="share">Its memory is used again.</param>
    public Tensor Decode(AutoencoderKL vae, Tensor latents, CudaGraph? share)
    {
        if (PlainReason is not null || !CudaGraph.Available || latents.device_type != TorchSharp.DeviceType.CUDA)
        {
            return vae.Decode(latents);
        }

        var asked = $"{Environment.CurrentManagedThreadId};{Fused.Enabled};{string.Join(',', latents.shape)}";
        if (asked != known)
        {
            Dispose();
            known = asked;
            return vae.Decode(latents);
        }

        try
        {
            recording ??= Record(vae, latents, share);
        }
        catch (Exception e) when (CudaGraph.Refuses(e))
        {
            PlainReason = e.Message.Split('\n')[0];
            return vae.Decode(latents);
        }

        recording.Value.Latents.copy_(latents);
        recording.Value.Graph.Replay();
        return recording.Value.Picture.clone();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (recording is { } made)
        {
            made.Graph.Dispose();
            made.Latents.Dispose();
            made.Picture.Dispose();
            recording = null;
        }
    }

    private static (Tensor Latents, Tensor Picture, CudaGraph Graph) Record(
        AutoencoderKL vae, Tensor like, CudaGraph? share)
    {
        var latents = like.clone().DetachFromDisposeScope();
        Tensor? picture = null;
        try
        {
            var factor = vae.Config.Factor;
            picture = empty(
                [1, vae.Config.OutChannels, like.shape[2] * factor, like.shape[3] * factor],
                ScalarType.Float32,
                vae.Device).DetachFromDisposeScope();
            return (latents, picture, CudaGraph.Record(Run, 0, share));
        }
        catch
        {
            latents.Dispose();
            picture?.Dispose();
            throw;
        }

        void Run()
        {
            using var scope = NewDisposeScope();
            picture!.copy_(vae.Decode(latents));
        }
    }
}
