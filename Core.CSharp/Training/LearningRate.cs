namespace Recipes.Core.Training;

/// <summary>The shape of a learning-rate schedule after its warm-up.</summary>
public enum RateShape
{
    /// <summary>The full rate throughout.</summary>
    Constant,

    /// <summary>A straight line down to 0 at the last step.</summary>
    Linear,

    /// <summary>Cosine waves between the full rate and 0.</summary>
    Cosine,

    /// <summary>Falling half waves of the cosine, each starting at the full rate.</summary>
    CosineWithRestarts,

    /// <summary>A power of the remaining share, down to <see cref="LearningRate.EndRate"/>.</summary>
    Polynomial,
}

/// <summary>
/// The learning rate by optimiser step, with the formulas of the reference schedulers (diffusers' optimization.py).
/// </summary>
public sealed record LearningRate
{
    /// <summary>The full rate.</summary>
    public required double Rate { get; init; }

    /// <summary>How it falls.</summary>
    public RateShape Shape { get; init; } = RateShape.Constant;

    /// <summary>Optimiser steps in all; where the schedule ends.</summary>
    public required long Steps { get; init; }

    /// <summary>Steps over which the rate rises in a straight line from 0.</summary>
    public long WarmUp { get; init; }

    /// <summary>
    /// Waves of <see cref="RateShape.Cosine"/>, 0.5 by default, which falls to 0 once; falls of
    /// <see cref="RateShape.CosineWithRestarts"/>, 1 by default.
    /// </summary>
    public double? Cycles { get; init; }

    /// <summary>Power of <see cref="RateShape.Polynomial"/>.</summary>
    public double Power { get; init; } = 1;

    /// <summary>Where <see cref="RateShape.Polynomial"/> ends.</summary>
    public double EndRate { get; init; } = 1e-7;

    /// <summary>The rate of an optimiser step, counted from 0.</summary>
    public double At(long step)
    {
        if (step < WarmUp)
        {
            return Rate * step / Math.Max(1, WarmUp);
        }

        var progress = (double)(step - WarmUp) / Math.Max(1, Steps - WarmUp);
        return Shape switch
        {
            RateShape.Linear => Rate * Math.Max(0, 1 - progress),
            RateShape.Cosine => Rate * Wave((Cycles ?? 0.5) * 2 * progress),
            RateShape.CosineWithRestarts => progress >= 1 ? 0 : Rate * Wave((Cycles ?? 1) * progress % 1),
            RateShape.Polynomial =>
                step > Steps ? EndRate : ((Rate - EndRate) * Math.Pow(1 - progress, Power)) + EndRate,
            _ => Rate,
        };
    }

    /// <summary>Refuses a schedule that could not train as it says.</summary>
    /// <exception cref="RecipesException">A number is out of range.</exception>
    public void Check()
    {
        Require(Rate > 0 && double.IsFinite(Rate), $"the rate is {Rate}", "Set a rate above 0, such as 1e-4.");
        Require(Steps > 0, $"there are {Steps} steps", "Set at least 1 step.");
        Require(WarmUp >= 0, $"the warm-up is {WarmUp} steps", "Set a warm-up of 0 steps or more.");
        Require(
            WarmUp < Steps,
            $"the warm-up of {WarmUp} steps is as long as the training of {Steps}",
            "Shorten the warm-up, or train longer.");
        Require(Cycles is null or > 0, $"there are {Cycles} cycles", "Set a number of cycles above 0.");
        Require(
            Shape != RateShape.Polynomial || (EndRate >= 0 && EndRate < Rate),
            $"the end rate {EndRate} is not between 0 and the rate {Rate}",
            "Set a lower end rate.");
    }

    private static double Wave(double halves) => Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * halves)));

    private static void Require(bool right, string fault, string cure)
    {
        if (!right)
        {
            throw new RecipesException("Learning rate", fault, cure);
        }
    }
}
