using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>How the error of a pixel counts.</summary>
public enum ErrorKind
{
    /// <summary>By its square.</summary>
    Squared,

    /// <summary>2c(√(e² + c²) - c): like the square where |e| is far below c, 2c|e| far above.</summary>
    Huber,

    /// <summary>2(√(e² + c²) - c): the same divided by c.</summary>
    SmoothL1,
}

/// <summary>How the width c of a robust error depends on the diffusion time.</summary>
public enum WidthSchedule
{
    /// <summary>Not at all.</summary>
    Constant,

    /// <summary>From 1 at time 0 down to <see cref="ErrorOptions.Width"/> at the last, c^(t/T).</summary>
    Exponential,

    /// <summary>(1 - c)/(1 + σ)² + c, with σ² = (1 - ᾱ)/ᾱ.</summary>
    Snr,
}

/// <summary>
/// Pseudo-Huber errors, which outliers lead less (Khrapov et al., "Improving Diffusion Models's Data-Corruption
/// Resistance using Scheduled Pseudo-Huber Loss", arXiv 2403.16728).
/// </summary>
public sealed record ErrorOptions
{
    /// <summary>How errors count.</summary>
    public ErrorKind Kind { get; init; } = ErrorKind.Squared;

    /// <summary>c, more than 0 and at most 1; not used by squares.</summary>
    public double Width { get; init; } = 0.1;

    /// <summary>How c depends on the time.</summary>
    public WidthSchedule Schedule { get; init; } = WidthSchedule.Snr;

    /// <summary>Refuses settings that cannot train.</summary>
    /// <exception cref="RecipesException">The width is out of range.</exception>
    public void Check()
    {
        if (Kind != ErrorKind.Squared && Width is not (> 0 and <= 1))
        {
            throw new RecipesException(
                $"{Kind}.Width", $"a width of {Width} is out of range", "Set a number above 0 and at most 1, such as 0.1.");
        }
    }

    /// <summary>The widths at diffusion times, [batch], float32.</summary>
    public Tensor Widths(NoiseSchedule schedule, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        var widths = Schedule switch
        {
            WidthSchedule.Constant => full_like(timesteps, Width, ScalarType.Float32),
            WidthSchedule.Exponential => timesteps.to(ScalarType.Float32).mul(Math.Log(Width) / schedule.Count).exp(),
            _ => schedule.Snr(timesteps).rsqrt().add(1).square().reciprocal().mul(1 - Width).add(Width),
        };
        return widths.MoveToOuterDisposeScope();
    }

    /// <summary>The errors' contributions, of their shape.</summary>
    /// <param name="errors">Prediction - target, [batch, ..], float32.</param>
    /// <param name="widths">[batch].</param>
    internal Tensor Of(Tensor errors, Tensor widths)
    {
        var c = widths.reshape([-1, .. Enumerable.Repeat(1L, (int)errors.dim() - 1)]);
        var rise = (errors.square() + c.square()).sqrt() - c;
        return Kind == ErrorKind.Huber ? rise * c * 2 : rise * 2;
    }
}

/// <summary>Robust errors at a batch's diffusion times.</summary>
/// <param name="Options">How errors count; not squared.</param>
/// <param name="Widths">c of each sample, [batch].</param>
public sealed record RobustError(ErrorOptions Options, Tensor Widths)
{
    /// <summary>Null where errors count by their squares.</summary>
    public static RobustError? Of(ErrorOptions options, NoiseSchedule schedule, Tensor timesteps) =>
        options.Kind == ErrorKind.Squared ? null : new RobustError(options, options.Widths(schedule, timesteps));
}
