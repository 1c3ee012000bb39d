using static TorchSharp.torch;

namespace Recipes.Core.Audio;

/// <summary>
/// Sound of magnitudes alone: phases are sought by going back and forth between sound and transform (Griffin and Lim
/// 1984), each step carried beyond its goal by a momentum (Perraudin, Balazs and Sondergaard, "A fast Griffin-Lim
/// algorithm", 2013).
/// </summary>
public sealed record GriffinLim
{
    /// <summary>Steps, at least 1.</summary>
    public int Steps { get; init; } = 32;

    /// <summary>How far beyond, 0 (the original algorithm) up to but not including 1.</summary>
    public double Momentum { get; init; } = 0.99;

    /// <summary>The sound [channels, length] in float32.</summary>
    /// <param name="stft">How the magnitudes were cut into frames.</param>
    /// <param name="magnitudes">Float32 [channels, bins, frames], 0 or more.</param>
    /// <param name="phases">Draws the first phases on the CPU; null begins with phase 0 everywhere.</param>
    /// <param name="length">Samples of the sound; null takes (frames - 1) x hop.</param>
    /// <exception cref="RecipesException">The steps or the momentum are out of range.</exception>
    public Tensor Sound(Stft stft, Tensor magnitudes, Generator? phases = null, long? length = null)
    {
        ArgumentNullException.ThrowIfNull(stft);
        ArgumentNullException.ThrowIfNull(magnitudes);
        if (Steps < 1 || !(Momentum >= 0 && Momentum < 1))
        {
            throw new RecipesException(
                "Griffin-Lim",
                FormattableString.Invariant($"{Steps} steps with a momentum of {Momentum} cannot be"),
                "Take 1 step or more and a momentum of 0 up to 0.99.");
        }

        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var directions = First(magnitudes, phases);
        var last = zeros_like(directions);
        for (var i = 0; i < Steps; i++)
        {
            using var step = NewDisposeScope();
            var rebuilt = stft.Forward(stft.Inverse(magnitudes.mul(directions), length));
            var beyond = rebuilt.sub(last.mul(Momentum / (1 + Momentum)));
            var unit = beyond.div(beyond.abs().add(1e-16));
            directions.Dispose();
            last.Dispose();
            (directions, last) = (unit.MoveToOuterDisposeScope(), rebuilt.MoveToOuterDisposeScope());
        }

        return stft.Inverse(magnitudes.mul(directions), length).MoveToOuterDisposeScope();
    }

    private static Tensor First(Tensor magnitudes, Generator? phases)
    {
        if (phases is null)
        {
            return complex(ones_like(magnitudes), zeros_like(magnitudes));
        }

        var angles = rand(magnitudes.shape, generator: phases).mul(2 * Math.PI).to(magnitudes.device);
        return complex(angles.cos(), angles.sin());
    }
}
