using System.Text.Json.Nodes;
using Recipes.Core.Networks;

namespace Recipes.Core.Schedules;

/// <summary>Reads, writes and checks scheduler_config.json.</summary>
internal static class SchedulerConfigFile
{
    private const string Name = "scheduler_config.json";

    // Fields of other schedulers of the reference, which it keeps when a model goes over to one of these, and those
    // that fine-tune settings which are refused when they are on.
    private static readonly string[] Ignored =
    [
        "flow_shift", "time_shift_type", "noise_sampler_seed", "predictor_order", "corrector_order", "rho",
        "sigma_data", "sigma_schedule",
    ];

    public static SchedulerConfig Read(string path)
    {
        var file = SettingsFile.Read(path, Name);
        file.Only("beta_schedule", null, "linear", "scaled_linear", "squaredcos_cap_v2");
        file.Only("prediction_type", null, "epsilon", "v_prediction", "sample");
        file.Only("timestep_spacing", null, "leading", "linspace", "trailing");
        var config = new SchedulerConfig
        {
            Where = file.Path,
            ClassName = file.Text("_class_name", "DDIMScheduler"),
            NumTrainTimesteps = (int)Math.Clamp(file.Integer("num_train_timesteps", 1000), int.MinValue, int.MaxValue),
            NamedBetaStart = file.Number("beta_start"),
            NamedBetaEnd = file.Number("beta_end"),
            NamedBetaSchedule = file.Text("beta_schedule", "") switch
            {
                "" => null,
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
            NamedTimestepSpacing = file.Text("timestep_spacing", "") switch
            {
                "" => null,
                "leading" => TimestepSpacing.Leading,
                "linspace" => TimestepSpacing.Linspace,
                _ => TimestepSpacing.Trailing,
            },
            StepsOffset = (int)Math.Clamp(file.Integer("steps_offset", 0), int.MinValue, int.MaxValue),
            NamedSetAlphaToOne = file.Has("set_alpha_to_one") ? file.Flag("set_alpha_to_one", true) : null,
            NamedClipSample = file.Has("clip_sample") ? file.Flag("clip_sample", true) : null,
            ClipSampleRange = file.Number("clip_sample_range", 1),
            Solver = SolverSettings.Read(file),
        };
        file.Ignore(Ignored);
        if (SchedulerDefaults.Knows(config.ClassName))
        {
            file.Finish();
        }

        Check(config);
        return config;
    }

    public static void Write(SchedulerConfig config, string folder)
    {
        var fields = new JsonObject
        {
            ["_class_name"] = config.ClassName,
            ["clip_sample_range"] = config.ClipSampleRange,
            ["num_train_timesteps"] = config.NumTrainTimesteps,
            ["prediction_type"] = config.PredictionType switch
            {
                PredictionType.Epsilon => "epsilon",
                PredictionType.Velocity => "v_prediction",
                _ => "sample",
            },
            ["rescale_betas_zero_snr"] = config.RescaleBetasZeroSnr,
            ["steps_offset"] = config.StepsOffset,
            ["trained_betas"] = config.TrainedBetas is null ? null : ConfigWriter.List(config.TrainedBetas),
        };
        Set(fields, "beta_start", config.NamedBetaStart);
        Set(fields, "beta_end", config.NamedBetaEnd);
        Set(fields, "beta_schedule", config.NamedBetaSchedule switch
        {
            null => null,
            BetaSchedule.Linear => "linear",
            BetaSchedule.ScaledLinear => "scaled_linear",
            _ => "squaredcos_cap_v2",
        });
        Set(fields, "clip_sample", config.NamedClipSample);
        Set(fields, "set_alpha_to_one", config.NamedSetAlphaToOne);
        Set(fields, "timestep_spacing", config.NamedTimestepSpacing?.ToString().ToLowerInvariant());
        config.Solver.Write(fields);
        ConfigWriter.Write(folder, fields, Name);
    }

    /// <summary>Refuses numbers that no schedule can be made of.</summary>
    public static void Check(SchedulerConfig config)
    {
        void Require(bool holds, string field, object? value, string cure)
        {
            if (!holds)
            {
                throw SettingsFile.Refusal(config.Where, field, FormattableString.Invariant($"{value}"), cure);
            }
        }

        Require(
            config.NumTrainTimesteps is > 0 and <= 1_000_000,
            "num_train_timesteps",
            config.NumTrainTimesteps,
            "Give 1 to 1000000.");
        Require(config.BetaStart is > 0 and < 1, "beta_start", config.BetaStart, "Give a number between 0 and 1.");
        Require(config.BetaEnd is > 0 and < 1, "beta_end", config.BetaEnd, "Give a number between 0 and 1.");
        Require(
            config.StepsOffset >= 0 && config.StepsOffset < config.NumTrainTimesteps,
            "steps_offset",
            config.StepsOffset,
            "Give 0 or 1, as diffusers does.");
        Require(
            config.TrainedBetas is null || config.TrainedBetas.Count == config.NumTrainTimesteps,
            "trained_betas",
            $"a list of {config.TrainedBetas?.Count}",
            $"Give {config.NumTrainTimesteps} numbers, one for each training timestep.");
        Require(config.ClipSampleRange > 0, "clip_sample_range", config.ClipSampleRange, "Give a positive number.");
        config.Solver.Check(config.Where);
    }

    private static void Set(JsonObject fields, string field, JsonNode? value)
    {
        if (value is not null)
        {
            fields[field] = value;
        }
    }
}
