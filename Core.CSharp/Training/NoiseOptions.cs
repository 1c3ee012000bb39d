namespace Recipes.Core.Training;

/// <summary>Which noise a training adds, and at which diffusion times.</summary>
public sealed record NoiseOptions
{
    /// <summary>
    /// Size of a further noise that is the same all over a channel, so that pictures' brightness is learned too
    /// (Guttenberg, "Diffusion with Offset Noise", 2023); 0 for none, 0.05 to 0.1 are usual.
    /// </summary>
    public double Offset { get; init; }

    /// <summary>
    /// Size of a further noise in the network's input that it need not find, so that it bears its own errors (Ning et al.,
    /// "Input Perturbation Reduces Exposure Bias in Diffusion Models", arXiv 2301.11706); 0 for none, 0.1 is theirs.
    /// </summary>
    public double Perturbation { get; init; }

    /// <summary>The first diffusion time that is trained.</summary>
    public int FirstTime { get; init; }

    /// <summary>The last one; null for the schedule's last.</summary>
    public int? LastTime { get; init; }

    /// <summary>
    /// Whether the noise's schedule is scaled so that nothing of the picture is left at its end (Lin et al., "Common
    /// Diffusion Noise Schedules and Sample Steps are Flawed", arXiv 2305.08891, algorithm 1). Only for models that
    /// predict v: there is nothing of ε to find at that end.
    /// </summary>
    public bool ZeroTerminalSnr { get; init; }

    /// <summary>Refuses settings that cannot train.</summary>
    /// <param name="times">Diffusion times of the schedule.</param>
    /// <exception cref="RecipesException">A number is out of range.</exception>
    public void Check(int times)
    {
        Require(Offset >= 0 && double.IsFinite(Offset), nameof(Offset), $"{Offset} is no size of noise", "Set 0 or more.");
        Require(
            Perturbation >= 0 && double.IsFinite(Perturbation),
            nameof(Perturbation),
            $"{Perturbation} is no size of noise",
            "Set 0 or more.");
        var last = LastTime ?? times - 1;
        Require(
            FirstTime >= 0 && FirstTime <= last && last < times,
            nameof(FirstTime),
            $"times {FirstTime} to {last} are no part of the schedule's 0 to {times - 1}",
            $"Set times within 0 and {times - 1}, the first at most the last.");
    }

    private static void Require(bool right, string setting, string fault, string cure)
    {
        if (!right)
        {
            throw new RecipesException($"Noise.{setting}", fault, cure);
        }
    }
}
