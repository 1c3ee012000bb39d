namespace Recipes.Eval.Metrics;

/// <summary>How <see cref="KernelDistance"/> is taken; the defaults are those of the published KID.</summary>
public sealed record KernelDistanceOptions
{
    /// <summary>Subsets that are drawn from both sides without replacement, at least 1.</summary>
    public int Subsets { get; init; } = 100;

    /// <summary>
    /// Rows a side of each subset, at least 2; null takes 1000, or half of the smaller side where it has fewer.
    /// </summary>
    public int? SubsetSize { get; init; }

    /// <summary>The kernel's power.</summary>
    public int Degree { get; init; } = 3;

    /// <summary>The kernel's factor; null takes 1 / width.</summary>
    public double? Gamma { get; init; }

    /// <summary>The kernel's constant.</summary>
    public double Constant { get; init; } = 1;

    /// <summary>The seed of the subsets, as of numpy's RandomState.</summary>
    public uint Seed { get; init; } = 2020;
}
