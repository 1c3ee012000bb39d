using System.Text.Json.Nodes;
using Recipes.Core.Networks;

namespace Recipes.Core.Schedules;

/// <summary>
/// The fields of a diffusers scheduler_config.json that describe the noise a model was trained with, and how to sample
/// from it. Null stands for a field the file does not name: each sampler then has its own value.
/// </summary>
public sealed record SchedulerConfig
{
    /// <summary>Where it was read from, for messages.</summary>
    public string Where { get; init; } = nameof(SchedulerConfig);

    /// <summary>The scheduler the file names, as DDIMScheduler.</summary>
    public string ClassName { get; init; } = "DDIMScheduler";

    /// <summary>T.</summary>
    public int NumTrainTimesteps { get; init; } = 1000;

    public double BetaStart { get; init; } = 0.00085;

    public double BetaEnd { get; init; } = 0.012;

    public BetaSchedule BetaSchedule { get; init; } = BetaSchedule.ScaledLinear;

    /// <summary>β of each timestep, where they follow no formula.</summary>
    public IReadOnlyList<double>? TrainedBetas { get; init; }

    /// <summary>Whether β is rescaled so that the last timestep is pure noise (Lin et al. 2024, algorithm 1).</summary>
    public bool RescaleBetasZeroSnr { get; init; }

    public PredictionType PredictionType { get; init; } = PredictionType.Epsilon;

    public TimestepSpacing? TimestepSpacing { get; init; }

    /// <summary>Added to each timestep of leading spacing.</summary>
    public int StepsOffset { get; init; } = 1;

    /// <summary>Whether the step after the last is taken to be without noise, rather than as timestep 0.</summary>
    public bool? SetAlphaToOne { get; init; } = false;

    /// <summary>Whether predicted clean samples are limited to ±<see cref="ClipSampleRange"/>.</summary>
    public bool? ClipSample { get; init; } = false;

    public double ClipSampleRange { get; init; } = 1;

    /// <summary>Reads scheduler_config.json, or the one in a folder.</summary>
    /// <exception cref="RecipesException">A field has a value that is not supported; it is named.</exception>
    public static SchedulerConfig Read(string path)
    {
        var file = SettingsFile.Read(path, "scheduler_config.json");
        file.Only("beta_schedule", "linear", "scaled_linear", "squaredcos_cap_v2");
        file.Only("prediction_type", "epsilon", "v_prediction", "sample");
        file.Only("timestep_spacing", "leading", "linspace", "trailing");
        file.Only("thresholding", false);
        var name = file.Text("_class_name", "DDIMScheduler");
        var latent = name == "LCMScheduler";
        var config = new SchedulerConfig
        {
            Where = file.Path,
            ClassName = name,
            NumTrainTimesteps = (int)Math.Clamp(file.Integer("num_train_timesteps", 1000), int.MinValue, int.MaxValue),
            BetaStart = file.Number("beta_start", latent ? 0.00085 : 0.0001),
            BetaEnd = file.Number("beta_end", latent ? 0.012 : 0.02),
            BetaSchedule = file.Text("beta_schedule", latent ? "scaled_linear" : "linear") switch
            {
                "linear" => BetaSchedule.Linear,
                "scaled_linear" => BetaSchedule.ScaledLinear,
                _ => BetaSchedule.SquaredCosine,
            },
            TrainedBetas = file.Has("trained_betas") ? file.List<double>("trained_betas", []) : null,
            RescaleBetasZeroSnr = file.Flag("rescale_betas_zero_snr", false),
            PredictionType = file.Text("prediction_type", "epsilon") switch
            {
                "epsilon" => PredictionType.Epsilon,
                "v_prediction" => PredictionType.Velocity,
                _ => PredictionType.Sample,
            },
            TimestepSpacing = file.Has("timestep_spacing") ? SpacingOf(file.Text("timestep_spacing", "")) : null,
            StepsOffset = (int)Math.Clamp(file.Integer("steps_offset", 0), int.MinValue, int.MaxValue),
            SetAlphaToOne = file.Has("set_alpha_to_one") ? file.Flag("set_alpha_to_one", true) : null,
            ClipSample = file.Has("clip_sample") ? file.Flag("clip_sample", true) : null,
            ClipSampleRange = file.Number("clip_sample_range", 1),
        };
        config.Check();
        return config;
    }

    /// <summary>Writes scheduler_config.json into a folder, in the layout <see cref="Read"/> reads.</summary>
    public void Write(string folder)
    {
        var fields = new JsonObject
        {
            ["_class_name"] = ClassName,
            ["beta_end"] = BetaEnd,
            ["beta_schedule"] = BetaSchedule switch
            {
                BetaSchedule.Linear => "linear",
                BetaSchedule.ScaledLinear => "scaled_linear",
                _ => "squaredcos_cap_v2",
            },
            ["beta_start"] = BetaStart,
            ["clip_sample_range"] = ClipSampleRange,
            ["num_train_timesteps"] = NumTrainTimesteps,
            ["prediction_type"] = PredictionType switch
            {
                PredictionType.Epsilon => "epsilon",
                PredictionType.Velocity => "v_prediction",
                _ => "sample",
            },
            ["rescale_betas_zero_snr"] = RescaleBetasZeroSnr,
            ["steps_offset"] = StepsOffset,
            ["trained_betas"] = TrainedBetas is null ? null : ConfigWriter.List(TrainedBetas),
        };
        Set(fields, "clip_sample", ClipSample);
        Set(fields, "set_alpha_to_one", SetAlphaToOne);
        Set(fields, "timestep_spacing", TimestepSpacing?.ToString().ToLowerInvariant());
        ConfigWriter.Write(folder, fields, "scheduler_config.json");
    }

    /// <summary>Refuses numbers that no schedule can be made of.</summary>
    internal void Check()
    {
        Require(
            NumTrainTimesteps is > 0 and <= 1_000_000,
            "num_train_timesteps",
            $"{NumTrainTimesteps}",
            "Give 1 to 1000000.");
        Require(BetaStart is > 0 and < 1, "beta_start", $"{BetaStart}", "Give a number between 0 and 1.");
        Require(BetaEnd is > 0 and < 1, "beta_end", $"{BetaEnd}", "Give a number between 0 and 1.");
        Require(
            StepsOffset >= 0 && StepsOffset < NumTrainTimesteps,
            "steps_offset",
            $"{StepsOffset}",
            "Give 0 or 1, as diffusers does.");
        Require(
            TrainedBetas is null || TrainedBetas.Count == NumTrainTimesteps,
            "trained_betas",
            $"a list of {TrainedBetas?.Count}",
            $"Give {NumTrainTimesteps} numbers, one for each training timestep.");
        Require(ClipSampleRange > 0, "clip_sample_range", $"{ClipSampleRange}", "Give a positive number.");
    }

    private static TimestepSpacing SpacingOf(string name) => name switch
    {
        "leading" => Schedules.TimestepSpacing.Leading,
        "linspace" => Schedules.TimestepSpacing.Linspace,
        _ => Schedules.TimestepSpacing.Trailing,
    };

    private static void Set(JsonObject fields, string field, JsonNode? value)
    {
        if (value is not null)
        {
            fields[field] = value;
        }
    }

    private void Require(bool holds, string field, string value, string cure)
    {
        if (!holds)
        {
            throw SettingsFile.Refusal(Where, field, value, cure);
        }
    }
}
