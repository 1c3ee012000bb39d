using Recipes.Core.Data;
using Recipes.Core.Networks;
using Recipes.Core.Pipelines;
using Recipes.Core.Training.Caches;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>A picture as a training sees it in one framing; tensors on the training's device, float32.</summary>
/// <param name="Mean">Most likely latents, scaled, [1, channels, height, width].</param>
/// <param name="Deviation">Their standard deviation, likewise.</param>
/// <param name="Mask">How much each latent pixel counts, [1, 1, height, width] in 0 to 1; null for all alike.</param>
/// <param name="Control">The control picture in pixels, [1, 3, 8 × height, 8 × width]; null for none.</param>
/// <param name="Places">Where subjects are, [1, subjects, height, width] in 0 to 1; null without subjects.</param>
/// <param name="Small">The picture in the latents' size, [1, 3, height, width] in -1 to 1, for upscalers; else null.</param>
internal sealed record PictureLatent(
    Tensor Mean, Tensor Deviation, Tensor? Mask, Tensor? Control, Tensor? Places, Tensor? Small) : IDisposable
{
    public IEnumerable<Tensor> Tensors =>
        ((Tensor?[])[Mean, Deviation, Mask, Control, Places, Small]).OfType<Tensor>();

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in Tensors)
        {
            tensor.Dispose();
        }
    }
}

/// <summary>
/// Pictures through the frozen autoencoder. Framings that come again are encoded once and kept on the device; random
/// crops are encoded at each visit.
/// </summary>
/// <param name="vae">Encodes.</param>
/// <param name="store">Where latents are kept for other runs; null for none.</param>
/// <param name="shrinks">Whether small versions are made, for an upscaler.</param>
internal sealed class PictureLatents(AutoencoderKL vae, LatentStore? store, bool shrinks) : IDisposable
{
    private readonly Dictionary<(string Path, Framing Framing), PictureLatent> kept = [];

    /// <summary>The picture in this framing, encoded at the first call and kept.</summary>
    /// <exception cref="RecipesException">A file is no picture, or a mask is empty.</exception>
    public PictureLatent Keep(TrainingPicture picture, Framing framing)
    {
        var key = (picture.Path, framing);
        if (!kept.TryGetValue(key, out var latent))
        {
            latent = Encode(picture, framing);
            foreach (var tensor in latent.Tensors)
            {
                tensor.DetachFromDisposeScope();
            }

            kept.Add(key, latent);
        }

        return latent;
    }

    /// <summary>The picture in this framing; the tensors are the caller's scope's.</summary>
    /// <exception cref="RecipesException">A file is no picture, or a mask is empty.</exception>
    public PictureLatent Encode(TrainingPicture picture, Framing framing)
    {
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        var prepared = new Lazy<PreparedPicture>(() => PreparedPicture.Read(picture, framing));
        var (mean, deviation) = store is null
            ? Distribution(prepared.Value.Pixels)
            : store.Get(picture.Path, framing, () => Distribution(prepared.Value.Pixels));
        var bare = picture.Mask is null && picture.Control is null && picture.Subjects.Count == 0;
        var made = new PictureLatent(
            mean,
            deviation,
            bare ? null : Shrink(prepared.Value.Mask, picture.Mask),
            bare ? null : prepared.Value.Control?.to(vae.Device),
            bare ? null : Shrink(prepared.Value.Places, null),
            shrinks ? SmallPictures.Of(prepared.Value.Pixels, vae.Config.Factor).to(vae.Device) : null);
        foreach (var tensor in made.Tensors)
        {
            tensor.MoveToOuterDisposeScope();
        }

        return made;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var latent in kept.Values)
        {
            latent.Dispose();
        }

        kept.Clear();
    }

    private (Tensor Mean, Tensor Deviation) Distribution(Tensor pixels)
    {
        using var encoded = vae.Encode(pixels.to(vae.Device));
        return (
            (encoded.Mean.to(ScalarType.Float32) - vae.Config.ShiftFactor) * vae.Config.ScalingFactor,
            encoded.LogVar.to(ScalarType.Float32).mul(0.5).exp() * vae.Config.ScalingFactor);
    }

    /// <summary>A mask at the latents' size: the mean of the pixels behind each of theirs.</summary>
    private Tensor? Shrink(Tensor? mask, string? refusedEmpty)
    {
        if (mask is null)
        {
            return null;
        }

        var covered = nn.functional.avg_pool2d(mask, vae.Config.Factor, vae.Config.Factor);
        if (refusedEmpty is not null && covered.max().item<float>() == 0)
        {
            throw new RecipesException(
                refusedEmpty,
                "the mask is empty where the picture is trained",
                "Draw the subject white on black, or take the picture out.");
        }

        return covered.to(vae.Device);
    }
}
