namespace Recipes.Core.Audio;

/// <summary>How sound is cut into frames.</summary>
public sealed record StftOptions
{
    /// <summary>Samples of a frame (n_fft), at least 2; a spectrum has half of them + 1 bins.</summary>
    public int Size { get; init; } = 1024;

    /// <summary>Samples from one frame to the next, at least 1.</summary>
    public int Hop { get; init; } = 256;

    /// <summary>
    /// Samples of the periodic Hann window, which lies in the frame's middle; null takes the whole frame.
    /// </summary>
    public int? Window { get; init; }

    /// <summary>Frequency bins of a spectrum.</summary>
    public int Bins => (Size / 2) + 1;
}
