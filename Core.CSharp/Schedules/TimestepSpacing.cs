namespace Recipes.Core.Schedules;

/// <summary>Which of the T training timesteps a sampler with N steps visits (Lin et al. 2024, table 2).</summary>
public enum TimestepSpacing
{
    /// <summary>i·(T div N) plus an offset.</summary>
    Leading,

    /// <summary>From T - 1 to 0 in equal steps, rounded.</summary>
    Linspace,

    /// <summary>From T - 1 on in steps of T/N, rounded; never reaches 0.</summary>
    Trailing,
}
