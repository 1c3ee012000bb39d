namespace Recipes.Core.Schedules;

/// <summary>
/// The fields of a diffusers scheduler_config.json: the noise a model was trained with, and how to sample from it.
/// A field that the file does not name has the value that <see cref="ClassName"/> has for it, so that
/// <c>config with { ClassName = .. }</c> goes over to another sampler as the reference implementation does.
/// </summary>
public sealed record SchedulerConfig
{
    /// <summary>Where it was read from, for messages.</summary>
    public string Where { get; init; } = nameof(SchedulerConfig);

    /// <summary>The scheduler the file names, as DDIMScheduler.</summary>
    public string ClassName { get; init; } = "DDIMScheduler";

    /// <summary>T.</summary>
    public int NumTrainTimesteps { get; init; } = 1000;

    public double BetaStart
    {
        get => NamedBetaStart ?? Defaults.BetaStart;
        init => NamedBetaStart = value;
    }

    public double BetaEnd
    {
        get => NamedBetaEnd ?? Defaults.BetaEnd;
        init => NamedBetaEnd = value;
    }

    public BetaSchedule BetaSchedule
    {
        get => NamedBetaSchedule ?? Defaults.BetaSchedule;
        init => NamedBetaSchedule = value;
    }

    /// <summary>β of each timestep, where they follow no formula.</summary>
    public IReadOnlyList<double>? TrainedBetas { get; init; }

    /// <summary>Whether β is rescaled so that the last timestep is pure noise (Lin et al. 2024, algorithm 1).</summary>
    public bool RescaleBetasZeroSnr { get; init; }

    public PredictionType PredictionType { get; init; } = PredictionType.Epsilon;

    public TimestepSpacing TimestepSpacing
    {
        get => NamedTimestepSpacing ?? Defaults.Spacing;
        init => NamedTimestepSpacing = value;
    }

    /// <summary>Added to each timestep of leading spacing.</summary>
    public int StepsOffset { get; init; } = 1;

    /// <summary>Whether the step after the last is taken to be without noise, rather than as timestep 0.</summary>
    public bool SetAlphaToOne
    {
        get => NamedSetAlphaToOne ?? Defaults.SetAlphaToOne;
        init => NamedSetAlphaToOne = value;
    }

    /// <summary>Whether predicted clean samples are limited to ±<see cref="ClipSampleRange"/>.</summary>
    public bool ClipSample
    {
        get => NamedClipSample ?? Defaults.ClipSample;
        init => NamedClipSample = value;
    }

    public double ClipSampleRange { get; init; } = 1;

    /// <summary>What only some samplers know.</summary>
    public SolverSettings Solver { get; init; } = new();

    internal double? NamedBetaStart { get; init; } = 0.00085;

    internal double? NamedBetaEnd { get; init; } = 0.012;

    internal BetaSchedule? NamedBetaSchedule { get; init; } = BetaSchedule.ScaledLinear;

    internal TimestepSpacing? NamedTimestepSpacing { get; init; }

    internal bool? NamedSetAlphaToOne { get; init; } = false;

    internal bool? NamedClipSample { get; init; } = false;

    private SchedulerDefaults Defaults => SchedulerDefaults.Of(ClassName);

    /// <summary>Reads scheduler_config.json, or the one in a folder.</summary>
    /// <exception cref="RecipesException">A field has a value that is not supported; it is named.</exception>
    public static SchedulerConfig Read(string path) => SchedulerConfigFile.Read(path);

    /// <summary>Writes scheduler_config.json into a folder, in the layout <see cref="Read"/> reads.</summary>
    public void Write(string folder) => SchedulerConfigFile.Write(this, folder);
}
