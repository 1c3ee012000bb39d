namespace Recipes.Core.Schedules;

/// <summary>
/// What a denoiser's output means. x is the clean sample, ε the noise, ᾱ the signal's share of the variance.
/// </summary>
public enum PredictionType
{
    /// <summary>The noise ε (Ho et al. 2020).</summary>
    Epsilon,

    /// <summary>The velocity v = √ᾱ·ε - √(1-ᾱ)·x (Salimans and Ho 2022, section 4).</summary>
    Velocity,

    /// <summary>The clean sample x.</summary>
    Sample,
}
