using static TorchSharp.torch;

namespace Recipes.Core.Audio;

/// <summary>
/// The short-time Fourier transform: frame t is centred on sample t x hop, and the sound is mirrored at its ends.
/// </summary>
public sealed class Stft
{
    private readonly StftOptions _options;

    /// <param name="options">How sound is cut into frames.</param>
    /// <exception cref="RecipesException">
    /// A size is below its least, the window is longer than the frame, or hops would leave samples out.
    /// </exception>
    public Stft(StftOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var window = options.Window ?? options.Size;
        if (options.Size < 2 || options.Hop < 1 || window < 1 || window > options.Size)
        {
            throw new RecipesException(
                "spectrogram",
                $"frames of {options.Size} samples with windows of {window} every {options.Hop} cannot be",
                "Take a frame of 2 samples or more, a window no longer than it, and a hop of 1 or more.");
        }

        // Hann windows at most half a window apart leave no sample without weight (Griffin and Lim 1984, eq. 6).
        if (options.Hop > window / 2)
        {
            throw new RecipesException(
                "spectrogram",
                $"with windows of {window} samples every {options.Hop} no sound can be had back",
                $"Take a hop of at most {Math.Max(1, window / 2)} samples, mostly a quarter of the window.");
        }

        _options = options;
    }

    /// <summary>How sound is cut into frames.</summary>
    public StftOptions Options => _options;

    /// <summary>
    /// Complex64 [channels, bins, 1 + length / hop] of sound [channels, length] in float32, on its device.
    /// </summary>
    /// <exception cref="RecipesException">The sound is too short to be mirrored at its ends.</exception>
    public Tensor Forward(Tensor sound)
    {
        ArgumentNullException.ThrowIfNull(sound);
        var least = (_options.Size / 2) + 1;
        if (sound.shape[^1] < least)
        {
            throw new RecipesException(
                "spectrogram",
                $"{sound.shape[^1]} samples are too few for frames of {_options.Size}",
                $"Give at least {least} samples, or take shorter frames.");
        }

        using var window = Window(sound.device);
        return sound.stft(
            _options.Size, _options.Hop, window.shape[0], window, center: true, onesided: true, return_complex: true);
    }

    /// <summary>
    /// The sound [channels, length] whose transform is nearest to the given one in squared difference (Griffin and Lim,
    /// "Signal estimation from modified short-time Fourier transform", 1984, equation 6).
    /// </summary>
    /// <param name="spectrum">Complex64 [channels, bins, frames].</param>
    /// <param name="length">Samples of the sound; null takes (frames - 1) x hop.</param>
    public Tensor Inverse(Tensor spectrum, long? length = null)
    {
        ArgumentNullException.ThrowIfNull(spectrum);
        if (spectrum.dim() != 3 || spectrum.shape[1] != _options.Bins)
        {
            throw new ArgumentException(
                $"a transform is [channels, {_options.Bins}, frames], not [{string.Join(", ", spectrum.shape)}]",
                nameof(spectrum));
        }

        using var window = Window(spectrum.device);
        return spectrum.istft(
            _options.Size, _options.Hop, window.shape[0], window, center: true, onesided: true,
            length: length ?? ((spectrum.shape[2] - 1) * _options.Hop));
    }

    private Tensor Window(Device device) =>
        hann_window(_options.Window ?? _options.Size, periodic: true, device: device);
}
