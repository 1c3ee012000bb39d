using Recipes.Core.Networks;

namespace Recipes.Core.Pipelines;

/// <summary>Whether pictures are coded and decoded in overlapping tiles, which bounds the memory that takes.</summary>
public enum VaeTiling
{
    /// <summary>
    /// For pictures with a side longer than <see cref="VaeTilings.Whole"/> pixels and than twice what the autoencoder
    /// was trained on; below, the whole picture at once, which is exact.
    /// </summary>
    Automatic,

    /// <summary>For all that are larger than one tile, which is what the autoencoder was trained on.</summary>
    Always,

    /// <summary>Never.</summary>
    Never,
}

/// <summary>The rule behind <see cref="VaeTiling.Automatic"/>.</summary>
public static class VaeTilings
{
    /// <summary>The longest side that is decoded at once whatever the autoencoder was trained on, in pixels.</summary>
    public const long Whole = 1024;

    /// <summary>Whether a picture goes through the autoencoder in tiles.</summary>
    /// <param name="tiling">What was asked for.</param>
    /// <param name="config">The autoencoder.</param>
    /// <param name="height">Pixels of the picture.</param>
    /// <param name="width">Pixels of the picture.</param>
    public static bool Applies(this VaeTiling tiling, VaeConfig config, long height, long width) => tiling switch
    {
        VaeTiling.Always => true,
        VaeTiling.Never => false,
        _ => Math.Max(height, width) > Math.Max(Whole, 2 * config.SampleSize),
    };

    /// <summary>Does something while the autoencoder maps pictures of a size so.</summary>
    internal static T While<T>(this VaeTiling tiling, AutoencoderKL vae, long height, long width, Func<T> act)
    {
        var before = vae.Tiling;
        vae.Tiling = tiling.Applies(vae.Config, height, width) || (before && tiling == VaeTiling.Automatic);
        try
        {
            return act();
        }
        finally
        {
            vae.Tiling = before;
        }
    }
}
