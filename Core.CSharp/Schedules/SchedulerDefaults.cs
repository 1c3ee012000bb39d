namespace Recipes.Core.Schedules;

/// <summary>What samplers take for fields that scheduler_config.json does not name, where they differ.</summary>
internal sealed record SchedulerDefaults
{
    private static readonly SchedulerDefaults Plain = new();

    private static readonly Dictionary<string, SchedulerDefaults> Known = new()
    {
        ["DDPMScheduler"] = Plain with { ClipSample = true },
        ["DDIMScheduler"] = Plain with { ClipSample = true, SetAlphaToOne = true },
        ["PNDMScheduler"] = Plain,
        ["EulerDiscreteScheduler"] = Plain with { Spacing = TimestepSpacing.Linspace },
        ["EulerAncestralDiscreteScheduler"] = Plain with { Spacing = TimestepSpacing.Linspace },
        ["HeunDiscreteScheduler"] =
            Plain with { Spacing = TimestepSpacing.Linspace, BetaStart = 0.00085, BetaEnd = 0.012 },
        ["DPMSolverMultistepScheduler"] = Plain with { Spacing = TimestepSpacing.Linspace },
        ["UniPCMultistepScheduler"] = Plain with { Spacing = TimestepSpacing.Linspace },
        ["LCMScheduler"] = Plain with
        {
            BetaStart = 0.00085,
            BetaEnd = 0.012,
            BetaSchedule = BetaSchedule.ScaledLinear,
            SetAlphaToOne = true,
        },
    };

    private SchedulerDefaults()
    {
    }

    public double BetaStart { get; private init; } = 0.0001;

    public double BetaEnd { get; private init; } = 0.02;

    public BetaSchedule BetaSchedule { get; private init; } = BetaSchedule.Linear;

    public TimestepSpacing Spacing { get; private init; } = TimestepSpacing.Leading;

    public bool SetAlphaToOne { get; private init; }

    public bool ClipSample { get; private init; }

    /// <summary>Whether there is a sampler for a scheduler of diffusers.</summary>
    public static bool Knows(string className) => Known.ContainsKey(className);

    /// <summary>Those of a scheduler; of one that is not known, what training takes.</summary>
    public static SchedulerDefaults Of(string className) => Known.GetValueOrDefault(className, Plain);
}
