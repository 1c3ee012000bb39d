namespace Recipes.Core.Schedules;

/// <summary>
/// How clean and how noisy a sample is: sample = signal·x + noise·ε, of the clean sample x and standard normal ε.
/// Signal² + noise² is 1 where the variance is preserved, and signal is 1 where noise is added on top (Karras et al.
/// 2022, table 1).
/// </summary>
internal readonly record struct Level(double Signal, double Noise)
{
    /// <summary>log(signal / noise), half the logarithm of the signal-to-noise ratio; ∞ without noise.</summary>
    public double HalfLogSnr => Math.Log(Signal) - Math.Log(Noise);

    /// <summary>Noise over signal.</summary>
    public double Sigma => Noise / Signal;

    /// <summary>Standard deviation of such samples where that of clean ones is 1.</summary>
    public double Deviation => Math.Sqrt(Signal * Signal + Noise * Noise);

    /// <summary>Variance preserved, of signal √ᾱ.</summary>
    public static Level OfAlpha(float alpha) => new(Math.Sqrt(alpha), Math.Sqrt(1.0 - alpha));

    /// <summary>Variance preserved, of noise over signal σ.</summary>
    public static Level OfSigma(double sigma)
    {
        var signal = 1 / Math.Sqrt(sigma * sigma + 1);
        return new(signal, sigma * signal);
    }

    /// <summary>Noise of deviation σ on top of the clean sample.</summary>
    public static Level OnTop(double sigma) => new(1, sigma);

    /// <summary>The clean sample, as shares of the sample and of the model's answer.</summary>
    public (double Sample, double Output) Clean(PredictionType prediction) => prediction switch
    {
        PredictionType.Epsilon => (1 / Signal, -Noise / Signal),
        PredictionType.Velocity => (Signal / (Deviation * Deviation), -Noise / Deviation),
        _ => (0, 1),
    };

    /// <summary>The noise ε, as shares of the sample and of the model's answer.</summary>
    public (double Sample, double Output) Epsilon(PredictionType prediction) => prediction switch
    {
        PredictionType.Epsilon => (0, 1),
        PredictionType.Velocity => (Noise / (Deviation * Deviation), Signal / Deviation),
        _ => (1 / Noise, -Signal / Noise),
    };
}
