using static TorchSharp.torch;

namespace Recipes.Core.Audio;

/// <summary>Spectrograms on a logarithmic scale.</summary>
public static class Decibels
{
    /// <summary>10 log10 of energies, those below <paramref name="floor"/> raised to it.</summary>
    /// <param name="energies">Squared magnitudes of any shape.</param>
    /// <param name="floor">The least energy that is told apart, above 0.</param>
    /// <param name="range">dB below the loudest value at which the scale is cut off; null cuts nothing off.</param>
    public static Tensor FromEnergy(Tensor energies, double floor = 1e-10, double? range = null)
    {
        ArgumentNullException.ThrowIfNull(energies);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(floor);
        using var scope = NewDisposeScope();
        var decibels = energies.clamp_min(floor).log10().mul(10);
        return (range is { } below ? decibels.maximum(decibels.max().sub(below)) : decibels).MoveToOuterDisposeScope();
    }

    /// <summary>Energies of dB.</summary>
    public static Tensor ToEnergy(Tensor decibels)
    {
        ArgumentNullException.ThrowIfNull(decibels);
        using var scope = NewDisposeScope();
        return decibels.mul(Math.Log(10) / 10).exp().MoveToOuterDisposeScope();
    }
}
