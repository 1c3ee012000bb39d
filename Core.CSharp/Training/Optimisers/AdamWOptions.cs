namespace Recipes.Core.Training;

/// <summary>How the moments of AdamW are updated; the mathematics are the same.</summary>
public enum AdamWPath
{
    /// <summary>The fused kernel of libtorch, over all tensors at once.</summary>
    Fused,

    /// <summary>One tensor after the other, by elementary operations.</summary>
    Plain,
}

/// <summary>Settings of <see cref="AdamW"/>; the defaults are PyTorch's.</summary>
public sealed record AdamWOptions : OptimiserOptions
{
    /// <summary>Learning rate where a step names none.</summary>
    public double Rate { get; init; } = 1e-3;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment; more than 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>The type of the moments; bfloat16 halves what they take.</summary>
    public Precision Moments { get; init; } = Precision.Float32;

    /// <summary>Seed of the rounding of moments in bfloat16; a training sets its own.</summary>
    public ulong Seed { get; init; }

    /// <summary>Which implementation runs.</summary>
    public AdamWPath Path { get; init; } = AdamWPath.Fused;

    /// <inheritdoc/>
    public override void Check()
    {
        Require(Rate >= 0 && double.IsFinite(Rate), nameof(Rate), Rate, "0 or more");
        Require(Beta1 is >= 0 and < 1, nameof(Beta1), Beta1, "at least 0 and below 1");
        Require(Beta2 is >= 0 and < 1, nameof(Beta2), Beta2, "at least 0 and below 1");
        Require(Epsilon > 0 && double.IsFinite(Epsilon), nameof(Epsilon), Epsilon, "more than 0");
        Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), nameof(WeightDecay), WeightDecay, "0 or more");
    }

    /// <inheritdoc/>
    public override OptimiserOptions Seeded(ulong seed) => this with { Seed = seed };

    /// <inheritdoc/>
    public override IOptimiser Create(IReadOnlyList<NamedParameter> parameters) => new AdamW(parameters, this);
}
