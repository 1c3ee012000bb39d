namespace Recipes.Core.Audio;

/// <summary>A bank of triangular filters on the mel scale.</summary>
public sealed record MelOptions
{
    /// <summary>Samples a second of the sound.</summary>
    public required int SampleRate { get; init; }

    /// <summary>Filters, at least 1.</summary>
    public int Count { get; init; } = 80;

    /// <summary>Hz where the lowest filter begins, 0 or more.</summary>
    public double Lowest { get; init; }

    /// <summary>Hz where the highest filter ends, at most half the sample rate; null takes that half.</summary>
    public double? Highest { get; init; }

    /// <summary>The mel formula.</summary>
    public MelScale Scale { get; init; } = MelScale.Htk;

    /// <summary>
    /// Whether each filter is divided by half its width in Hz, so that all have the same area (Slaney's norm); else
    /// each peaks at 1.
    /// </summary>
    public bool IsAreaNormalised { get; init; }
}
