namespace Recipes.Core.Schedules;

/// <summary>How the noise's variance β grows over the training timesteps.</summary>
public enum BetaSchedule
{
    /// <summary>β in equal steps (Ho et al. 2020).</summary>
    Linear,

    /// <summary>√β in equal steps (Rombach et al. 2022).</summary>
    ScaledLinear,

    /// <summary>ᾱ a squared cosine, β at most 0.999 (Nichol and Dhariwal 2021, equation 17).</summary>
    SquaredCosine,
}
