namespace Recipes.Core.Audio;

/// <summary>How a WAV file keeps a sample.</summary>
public enum WavEncoding
{
    /// <summary>Unsigned bytes around 128.</summary>
    Pcm8,

    /// <summary>Signed, 16 bits: what every program reads.</summary>
    Pcm16,

    /// <summary>Signed, 24 bits.</summary>
    Pcm24,

    /// <summary>Signed, 32 bits; read into float32, which keeps 24 of them.</summary>
    Pcm32,

    /// <summary>IEEE float32, which keeps every sample as it is.</summary>
    Float32,
}
