namespace Recipes.Core.Schedules;

/// <summary>
/// σ, noise over signal, of each training timestep, in float32 as the reference implementation has it, and ways to
/// spread levels over it.
/// </summary>
internal sealed class SigmaTable
{
    private readonly float[] sigmas;
    private readonly float[] logarithms;

    /// <summary>The table of a schedule. With zero terminal SNR the last σ is 4096 rather than infinite.</summary>
    public SigmaTable(NoiseSchedule schedule)
    {
        sigmas = new float[schedule.Count];
        for (var i = 0; i < sigmas.Length; i++)
        {
            var last = i == sigmas.Length - 1 && schedule.Config.RescaleBetasZeroSnr;
            var alpha = last ? 1f / (1 << 24) : schedule.Alpha(i);
            sigmas[i] = MathF.Sqrt((1 - alpha) / alpha);
        }

        logarithms = [.. sigmas.Select(sigma => MathF.Log(sigma))];
    }

    /// <summary>σ of timestep 0.</summary>
    public float Least => sigmas[0];

    /// <summary>σ of timestep T - 1.</summary>
    public float Most => sigmas[^1];

    /// <summary>How many timesteps have log(signal/noise) of a value or more.</summary>
    public int CountAbove(double halfLogSnr) => logarithms.Count(logarithm => -logarithm >= halfLogSnr);

    /// <summary>σ of a timestep, which need not be whole.</summary>
    public double At(double timestep)
    {
        var low = (int)Math.Clamp(Math.Floor(timestep), 0, sigmas.Length - 1);
        var high = Math.Min(low + 1, sigmas.Length - 1);
        return sigmas[low] + ((double)sigmas[high] - sigmas[low]) * Math.Clamp(timestep - low, 0, 1);
    }

    /// <summary>The timestep of a σ, by interpolating log σ.</summary>
    public double Timestep(double sigma)
    {
        if (sigmas.Length == 1)
        {
            return 0;
        }

        var logarithm = Math.Log(Math.Max(sigma, 1e-10));
        var low = Math.Clamp(Array.FindLastIndex(logarithms, known => known <= logarithm), 0, sigmas.Length - 2);
        var share = (logarithms[low] - logarithm) / (logarithms[low] - logarithms[low + 1]);
        return low + Math.Clamp(share, 0, 1);
    }

    /// <summary>N levels from most to least noise, in equal steps of σ^(1/7) (Karras et al. 2022, eq. 5).</summary>
    public static double[] Karras(double most, double least, int steps)
    {
        const double Rho = 7;
        var from = Math.Pow(most, 1 / Rho);
        var to = Math.Pow(least, 1 / Rho);
        return Ramp(steps, share => Math.Pow(from + share * (to - from), Rho));
    }

    /// <summary>N levels from most to least noise, in equal steps of log σ.</summary>
    public static double[] Exponential(double most, double least, int steps)
    {
        var from = Math.Log(most);
        var to = Math.Log(least);
        return Ramp(steps, share => Math.Exp(from + share * (to - from)));
    }

    private static double[] Ramp(int steps, Func<double, double> level) =>
        [.. Enumerable.Range(0, steps).Select(i => level(steps == 1 ? 0 : i / (steps - 1.0)))];
}
