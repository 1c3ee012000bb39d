using System.Security.Cryptography;
using System.Text.Json;
using Recipes.Core.Data;
using Recipes.Core.Networks;
using static TorchSharp.torch;

namespace Recipes.Core.Training.Caches;

/// <summary>
/// The latent distributions of pictures on disk: found by the picture's bytes, how it is cut and mirrored, and the
/// autoencoder.
/// </summary>
/// <param name="vae">Encodes them, frozen.</param>
/// <param name="folder">Where they lie.</param>
internal sealed class LatentStore(AutoencoderKL vae, string folder)
{
    private const string Mean = "mean";
    private const string Deviation = "deviation";
    private readonly TensorStore store = new(folder);
    private readonly Dictionary<string, string> hashes = [];
    private readonly string encoder =
        $"vae {NetworkHash.Of(vae, JsonSerializer.Serialize(vae.Config with { Where = "" }))}\ntype {vae.DType}\n"
        + $"tiling {vae.Tiling}\nslicing {vae.Slicing}\n{ComputedBy.On(vae.Device)}";

    /// <summary>Pictures that were there.</summary>
    public int Found => store.Found;

    /// <summary>Pictures that were encoded and kept.</summary>
    public int Made => store.Made;

    /// <summary>Scaled latents' means and standard deviations, [1, channels, height, width], float32.</summary>
    /// <param name="picture">The picture's file.</param>
    /// <param name="framing">How it is cut.</param>
    /// <param name="encode">Computes them where they are not there.</param>
    /// <exception cref="RecipesException">The picture cannot be read or the folder not written.</exception>
    public (Tensor Mean, Tensor Deviation) Get(
        string picture, Framing framing, Func<(Tensor Mean, Tensor Deviation)> encode)
    {
        var found = store.Get($"latents 1\npicture {HashOf(picture)}\nframing {framing}\n{encoder}", vae.Device, () =>
        {
            var (mean, deviation) = encode();
            return new Dictionary<string, Tensor> { [Mean] = mean, [Deviation] = deviation };
        });
        return (found[Mean], found[Deviation]);
    }

    private string HashOf(string picture)
    {
        if (!hashes.TryGetValue(picture, out var hash))
        {
            try
            {
                using var stream = File.OpenRead(picture);
                hash = Convert.ToHexStringLower(SHA256.HashData(stream));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new RecipesException(
                    picture, $"it cannot be read ({e.Message.TrimEnd('.')})", "Check that it is a readable file.", e);
            }

            hashes.Add(picture, hash);
        }

        return hash;
    }
}
