using System.Globalization;
using static TorchSharp.torch;

namespace Recipes.Core.Audio;

/// <summary>Weights that gather a spectrum's bins into mel bands.</summary>
public static class MelFilters
{
    /// <summary>
    /// Float32 [bands, bins] on the CPU: band m is a triangle from one edge over the next to the one after, of the
    /// bands + 2 edges that lie evenly on the mel scale.
    /// </summary>
    /// <param name="options">The bank.</param>
    /// <param name="bins">Bins of a spectrum, from 0 Hz to half the sample rate; at least 2.</param>
    /// <exception cref="RecipesException">
    /// The range of frequencies is none, or a band is so narrow that it holds no bin.
    /// </exception>
    public static Tensor Make(MelOptions options, int bins)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 2);
        var highest = options.Highest ?? options.SampleRate / 2.0;
        if (options.Count < 1 || options.SampleRate < 1
            || !(options.Lowest >= 0 && options.Lowest < highest && highest <= options.SampleRate / 2.0))
        {
            throw new RecipesException(
                "mel filters",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{options.Count} bands from {options.Lowest} to {highest} Hz of {options.SampleRate} Hz "
                        + $"cannot be"),
                "Take 1 band or more, between 0 Hz and half the sample rate.");
        }

        var (low, high) = (ToMel(options.Scale, options.Lowest), ToMel(options.Scale, highest));
        double[] edges =
        [
            .. Enumerable.Range(0, options.Count + 2)
                .Select(i => ToHertz(options.Scale, low + ((high - low) * i / (options.Count + 1)))),
        ];
        var weights = new float[options.Count * bins];
        for (var band = 0; band < options.Count; band++)
        {
            var row = weights.AsSpan(band * bins, bins);
            Triangle(edges.AsSpan(band, 3), options, row);
            if (row.IndexOfAnyExcept(0f) < 0)
            {
                throw new RecipesException(
                    "mel filters",
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"band {band + 1} of {options.Count}, {edges[band]:F0} to {edges[band + 2]:F0} Hz, "
                            + $"holds no bin"),
                    "Take fewer bands, or longer frames.");
            }
        }

        return tensor(weights, [options.Count, bins]);
    }

    /// <summary>Hz in mels.</summary>
    public static double ToMel(MelScale scale, double hertz) => scale switch
    {
        MelScale.Htk => 2595 * Math.Log10(1 + (hertz / 700)),
        _ => hertz < 1000 ? hertz * 3 / 200 : 15 + (27 * Math.Log(hertz / 1000, 6.4)),
    };

    /// <summary>Mels in Hz.</summary>
    public static double ToHertz(MelScale scale, double mel) => scale switch
    {
        MelScale.Htk => 700 * (Math.Pow(10, mel / 2595) - 1),
        _ => mel < 15 ? mel * 200 / 3 : 1000 * Math.Pow(6.4, (mel - 15) / 27),
    };

    private static void Triangle(ReadOnlySpan<double> edges, MelOptions options, Span<float> row)
    {
        var peak = options.IsAreaNormalised ? 2 / (edges[2] - edges[0]) : 1;
        for (var bin = 0; bin < row.Length; bin++)
        {
            var hertz = options.SampleRate / 2.0 * bin / (row.Length - 1);
            var rising = (hertz - edges[0]) / (edges[1] - edges[0]);
            var falling = (edges[2] - hertz) / (edges[2] - edges[1]);
            row[bin] = (float)(peak * Math.Max(0, Math.Min(rising, falling)));
        }
    }
}
