namespace Recipes.Core.Training;

/// <summary>Settings of <see cref="Prodigy"/>; its rate is a factor, and 1 is usual.</summary>
public sealed record ProdigyOptions : OptimiserOptions
{
    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in (0, 1); its root is that of the distance's estimates.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, times the distance; more than 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>The first estimate of the distance to the solution, more than 0.</summary>
    public double FirstDistance { get; init; } = 1e-6;

    /// <summary>A factor of the estimates, more than 0; the way to a larger or smaller rate.</summary>
    public double DistanceFactor { get; init; } = 1;

    /// <summary>Whether the moments' bias is corrected, as in Adam.</summary>
    public bool BiasCorrection { get; init; }

    /// <summary>Whether a warm-up of the rate is kept out of the estimates.</summary>
    public bool SafeguardWarmUp { get; init; }

    /// <inheritdoc/>
    public override void Check()
    {
        Require(Beta1 is >= 0 and < 1, nameof(Beta1), Beta1, "at least 0 and below 1");
        Require(Beta2 is > 0 and < 1, nameof(Beta2), Beta2, "above 0 and below 1");
        Require(Epsilon > 0 && double.IsFinite(Epsilon), nameof(Epsilon), Epsilon, "more than 0");
        Require(
            FirstDistance > 0 && double.IsFinite(FirstDistance), nameof(FirstDistance), FirstDistance, "more than 0");
        Require(
            DistanceFactor > 0 && double.IsFinite(DistanceFactor), nameof(DistanceFactor), DistanceFactor, "more than 0");
        Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), nameof(WeightDecay), WeightDecay, "0 or more");
    }

    /// <inheritdoc/>
    public override IOptimiser Create(IReadOnlyList<NamedParameter> parameters) => new Prodigy(parameters, this);
}
