using static TorchSharp.torch;

namespace Recipes.Core.Audio;

/// <summary>Between spectrograms of magnitudes (or their powers) and their mel bands.</summary>
public sealed class MelSpectrogram : IDisposable
{
    // Below this a band counts as silent: multiplicative steps divide by it.
    private const float Floor = 1e-10f;

    private readonly Tensor _filters;

    /// <param name="mel">The bands.</param>
    /// <param name="stft">How sound is cut into frames.</param>
    /// <exception cref="RecipesException">The bands cannot be, or one of them holds no bin.</exception>
    public MelSpectrogram(MelOptions mel, StftOptions stft)
    {
        ArgumentNullException.ThrowIfNull(stft);
        _filters = MelFilters.Make(mel, stft.Bins).DetachFromDisposeScope();
    }

    /// <summary>The magnitudes of a transform, raised to a power: 1 for magnitudes, 2 for energies.</summary>
    public static Tensor Power(Tensor spectrum, double power = 1)
    {
        ArgumentNullException.ThrowIfNull(spectrum);
        using var scope = NewDisposeScope();
        var magnitudes = spectrum.abs();
        return (power == 1 ? magnitudes : magnitudes.pow(power)).MoveToOuterDisposeScope();
    }

    /// <summary>Float32 [channels, bands, frames] of a spectrogram [channels, bins, frames].</summary>
    public Tensor Forward(Tensor spectrogram)
    {
        ArgumentNullException.ThrowIfNull(spectrogram);
        using var scope = NewDisposeScope();
        return _filters.to(spectrogram.device).matmul(spectrogram).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// A spectrogram [channels, bins, frames], nowhere negative, whose bands are nearest to the given ones in squared
    /// difference: the pseudo-inverse's answer, cut off at 0, made better by multiplicative steps (Lee and Seung,
    /// "Algorithms for non-negative matrix factorization", 2001, equation 4).
    /// </summary>
    /// <param name="bands">[channels, bands, frames], 0 or more.</param>
    /// <param name="steps">Multiplicative steps.</param>
    public Tensor Inverse(Tensor bands, int steps = 64)
    {
        ArgumentNullException.ThrowIfNull(bands);
        ArgumentOutOfRangeException.ThrowIfNegative(steps);
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var filters = _filters.to(bands.device);
        var back = filters.t();
        var wanted = back.matmul(bands);
        var square = back.matmul(filters);
        var found = linalg.pinv(filters).matmul(bands).clamp_min_(Floor);
        for (var i = 0; i < steps; i++)
        {
            using var step = NewDisposeScope();
            found.mul_(wanted.div(square.matmul(found).clamp_min_(Floor)));
        }

        return found.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => _filters.Dispose();
}
