using static TorchSharp.torch;

namespace Recipes.Core.Audio;

/// <summary>Sound in memory: samples of float32, mostly within -1 to 1, one channel after the other.</summary>
public sealed class Waveform
{
    /// <summary>Wraps the samples without copying them.</summary>
    /// <param name="sampleRate">Samples a second, at least 1.</param>
    /// <param name="channels">Channels, at least 1.</param>
    /// <param name="samples">channels x length values, a channel at a time.</param>
    /// <exception cref="ArgumentException">The samples do not divide among the channels.</exception>
    public Waveform(int sampleRate, int channels, float[] samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentOutOfRangeException.ThrowIfLessThan(sampleRate, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        if (samples.Length % channels != 0)
        {
            throw new ArgumentException(
                $"{samples.Length} samples do not divide among {channels} channels", nameof(samples));
        }

        (SampleRate, Channels, Samples) = (sampleRate, channels, samples);
    }

    /// <summary>Samples a second.</summary>
    public int SampleRate { get; }

    /// <summary>Channels.</summary>
    public int Channels { get; }

    /// <summary>channels x <see cref="Length"/> values, a channel at a time.</summary>
    public float[] Samples { get; }

    /// <summary>Samples of each channel.</summary>
    public int Length => Samples.Length / Channels;

    /// <summary>How long it lasts.</summary>
    public TimeSpan Duration => TimeSpan.FromSeconds((double)Length / SampleRate);

    /// <summary>One channel, <see cref="Length"/> values.</summary>
    public Span<float> Channel(int index) => Samples.AsSpan(index * Length, Length);

    /// <summary>The sound of a tensor [channels, length] of any float type and device.</summary>
    /// <exception cref="ArgumentException">The tensor has another shape.</exception>
    public static Waveform FromTensor(int sampleRate, Tensor samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        if (samples.dim() != 2)
        {
            throw new ArgumentException(
                $"sound comes from [channels, length], not [{string.Join(", ", samples.shape)}]", nameof(samples));
        }

        using var values = samples.detach().to(ScalarType.Float32, CPU).contiguous();
        return new Waveform(sampleRate, (int)samples.shape[0], values.data<float>().ToArray());
    }

    /// <summary>Float32 [channels, length] on the CPU.</summary>
    public Tensor ToTensor() => tensor(Samples, [Channels, Length]);
}
