namespace Recipes.Core.Audio;

/// <summary>The formula by which a pitch in Hz becomes mels.</summary>
public enum MelScale
{
    /// <summary>2595 log10(1 + f / 700), of HTK (O'Shaughnessy 1987).</summary>
    Htk,

    /// <summary>
    /// Of Slaney's Auditory Toolbox (1998): 3 mels each 200 Hz up to 1000 Hz, 27 each factor of 6.4 above.
    /// </summary>
    Slaney,
}
