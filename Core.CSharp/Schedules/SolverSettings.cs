using System.Text.Json.Nodes;
using Recipes.Core.Networks;

namespace Recipes.Core.Schedules;

/// <summary>
/// The fields of a scheduler_config.json that only some samplers know: how the noise levels are spread, and the solver.
/// Defaults are those of the reference implementation, the same in all its samplers.
/// </summary>
public sealed record SolverSettings
{
    /// <summary>Levels spread by σ^(1/7) (Karras et al. 2022, equation 5).</summary>
    public bool UseKarrasSigmas { get; init; }

    /// <summary>Levels spread by log σ.</summary>
    public bool UseExponentialSigmas { get; init; }

    /// <summary>Levels spread by log σ, DPM++ only (Lu et al. 2022, section 3.4).</summary>
    public bool UseLuLambdas { get; init; }

    /// <summary>The least noise of spread levels, where it is not the last timestep's; Euler and UniPC.</summary>
    public double? SigmaMin { get; init; }

    /// <summary>The most noise of spread levels, where it is not the first timestep's; Euler and UniPC.</summary>
    public double? SigmaMax { get; init; }

    /// <summary>Whether levels between timesteps follow log σ over all training, rather than σ; Euler.</summary>
    public bool LogLinearInterpolation { get; init; }

    /// <summary>Whether the model is told ¼·log σ for a timestep; Euler with v-prediction.</summary>
    public bool ContinuousTimesteps { get; init; }

    /// <summary>Whether the last level is that of the first training timestep, rather than none.</summary>
    public bool FinalSigmaIsLeast { get; init; }

    /// <summary>Steps that a step looks back on, 1 to 3, its own counted; DPM++ and UniPC.</summary>
    public int SolverOrder { get; init; } = 2;

    /// <summary>midpoint or heun for DPM++, bh1 or bh2 for UniPC; each takes the other's for its own default.</summary>
    public string? SolverType { get; init; }

    /// <summary>Whether DPM++ solves for the noise (Lu et al. 2022) instead of the clean sample.</summary>
    public bool SolvesForNoise { get; init; }

    /// <summary>Whether DPM++ solves the stochastic equation, which adds noise on the way.</summary>
    public bool Stochastic { get; init; }

    /// <summary>Whether the last of few steps look back on fewer steps.</summary>
    public bool LowerOrderFinal { get; init; } = true;

    /// <summary>Whether the last step of DPM++ looks at itself only, however many there are.</summary>
    public bool EulerAtFinal { get; init; }

    /// <summary>Timesteps with less log(signal/noise) are not visited; DPM++.</summary>
    public double LambdaMinClipped { get; init; } = double.NegativeInfinity;

    /// <summary>Whether UniPC solves for the clean sample rather than the noise.</summary>
    public bool PredictX0 { get; init; } = true;

    /// <summary>Steps after which UniPC does not correct.</summary>
    public IReadOnlyList<int> DisableCorrector { get; init; } = [];

    /// <summary>Whether PNDM leaves its Runge-Kutta steps out; null where the file does not say.</summary>
    public bool? SkipPrkSteps { get; init; }

    /// <summary>Whether the noise DDPM adds has variance β, rather than that of the posterior.</summary>
    public bool LargeVariance { get; init; }

    /// <summary>Steps of the grid that LCM was distilled on.</summary>
    public int OriginalInferenceSteps { get; init; } = 50;

    /// <summary>What LCM multiplies timesteps by in its boundary condition.</summary>
    public double TimestepScaling { get; init; } = 10;

    /// <summary>Whether predicted clean samples are limited by a quantile of themselves.</summary>
    public bool Thresholding { get; init; }

    /// <summary>That quantile.</summary>
    public double DynamicThresholdingRatio { get; init; } = 0.995;

    /// <summary>The most that the limit may be.</summary>
    public double SampleMaxValue { get; init; } = 1;

    internal static SolverSettings Read(SettingsFile file)
    {
        file.Only("final_sigmas_type", null, "zero", "sigma_min");
        file.Only("interpolation_type", null, "linear", "log_linear");
        file.Only("timestep_type", null, "discrete", "continuous");
        file.Only("solver_type", null, "midpoint", "heun", "bh1", "bh2", "logrho");
        file.Only("algorithm_type", null, "dpmsolver++", "sde-dpmsolver++", "dpmsolver", "sde-dpmsolver", "deis");
        file.Only("variance_type", null, "fixed_small", "fixed_small_log", "fixed_large");
        file.Only("use_beta_sigmas", null, false);
        file.Only("use_flow_sigmas", null, false);
        file.Only("use_dynamic_shifting", null, false);
        file.Only("solver_p", [null]);
        file.Only("shift_terminal", [null]);
        var algorithm = file.Text("algorithm_type", "dpmsolver++");
        return new SolverSettings
        {
            UseKarrasSigmas = file.Flag("use_karras_sigmas", false),
            UseExponentialSigmas = file.Flag("use_exponential_sigmas", false),
            UseLuLambdas = file.Flag("use_lu_lambdas", false),
            SigmaMin = file.Number("sigma_min"),
            SigmaMax = file.Number("sigma_max"),
            LogLinearInterpolation = file.Text("interpolation_type", "linear") == "log_linear",
            ContinuousTimesteps = file.Text("timestep_type", "discrete") == "continuous",
            FinalSigmaIsLeast = file.Text("final_sigmas_type", "zero") == "sigma_min",
            SolverOrder = Whole(file, "solver_order", 2),
            SolverType = file.Has("solver_type") ? file.Text("solver_type", "") : null,
            SolvesForNoise = algorithm is "dpmsolver" or "sde-dpmsolver",
            Stochastic = algorithm.StartsWith("sde-", StringComparison.Ordinal),
            LowerOrderFinal = file.Flag("lower_order_final", true),
            EulerAtFinal = file.Flag("euler_at_final", false),
            LambdaMinClipped = MinusInfinity(file, "lambda_min_clipped")
                ? double.NegativeInfinity
                : file.Number("lambda_min_clipped", double.NegativeInfinity),
            PredictX0 = file.Flag("predict_x0", true),
            DisableCorrector = file.List<long>("disable_corrector", []) is { Length: > 0 } uncorrected
                ? [.. uncorrected.Select(step => (int)Math.Clamp(step, -1, int.MaxValue))]
                : [],
            SkipPrkSteps = file.Has("skip_prk_steps") ? file.Flag("skip_prk_steps", false) : null,
            LargeVariance = file.Text("variance_type", "fixed_small") == "fixed_large",
            OriginalInferenceSteps = Whole(file, "original_inference_steps", 50),
            TimestepScaling = file.Number("timestep_scaling", 10),
            Thresholding = file.Flag("thresholding", false),
            DynamicThresholdingRatio = file.Number("dynamic_thresholding_ratio", 0.995),
            SampleMaxValue = file.Number("sample_max_value", 1),
        };
    }

    /// <summary>Adds what differs from the defaults to a scheduler_config.json.</summary>
    internal void Write(JsonObject fields)
    {
        var plain = new SolverSettings();
        void Set<T>(string field, T value, T usual, JsonNode? node)
        {
            if (!EqualityComparer<T>.Default.Equals(value, usual))
            {
                fields[field] = node;
            }
        }

        void Flag(string field, bool value, bool usual = false) => Set(field, value, usual, value);
        void Number(string field, double? value, double? usual) => Set(field, value, usual, value);
        Flag("use_karras_sigmas", UseKarrasSigmas);
        Flag("use_exponential_sigmas", UseExponentialSigmas);
        Flag("use_lu_lambdas", UseLuLambdas);
        Number("sigma_min", SigmaMin, null);
        Number("sigma_max", SigmaMax, null);
        Set("interpolation_type", LogLinearInterpolation, false, "log_linear");
        Set("timestep_type", ContinuousTimesteps, false, "continuous");
        Set("final_sigmas_type", FinalSigmaIsLeast, false, "sigma_min");
        Set("solver_order", SolverOrder, plain.SolverOrder, SolverOrder);
        Set("solver_type", SolverType, null, SolverType);
        Set(
            "algorithm_type",
            (Stochastic, SolvesForNoise),
            (false, false),
            (Stochastic ? "sde-" : "") + (SolvesForNoise ? "dpmsolver" : "dpmsolver++"));
        Flag("lower_order_final", LowerOrderFinal, true);
        Flag("euler_at_final", EulerAtFinal);
        Number("lambda_min_clipped", LambdaMinClipped, double.NegativeInfinity);
        Flag("predict_x0", PredictX0, true);
        Set(
            "disable_corrector",
            DisableCorrector.Count,
            0,
            new JsonArray([.. DisableCorrector.Select(step => (JsonNode)step)]));
        Set("skip_prk_steps", SkipPrkSteps, null, SkipPrkSteps);
        Set("variance_type", LargeVariance, false, "fixed_large");
        Set("original_inference_steps", OriginalInferenceSteps, plain.OriginalInferenceSteps, OriginalInferenceSteps);
        Number("timestep_scaling", TimestepScaling, plain.TimestepScaling);
        Flag("thresholding", Thresholding);
        Number("dynamic_thresholding_ratio", DynamicThresholdingRatio, plain.DynamicThresholdingRatio);
        Number("sample_max_value", SampleMaxValue, plain.SampleMaxValue);
    }

    /// <summary>Refuses settings that no sampler can work with.</summary>
    internal void Check(string where)
    {
        void Require(bool holds, string field, object value, string cure)
        {
            if (!holds)
            {
                throw SettingsFile.Refusal(where, field, FormattableString.Invariant($"{value}"), cure);
            }
        }

        Require(SolverOrder is >= 1 and <= 3, "solver_order", SolverOrder, "Give 1, 2 or 3.");
        Require(
            OriginalInferenceSteps > 0,
            "original_inference_steps",
            OriginalInferenceSteps,
            "Give 50, as diffusers does.");
        Require(double.IsFinite(TimestepScaling), "timestep_scaling", TimestepScaling, "Give 10, as diffusers does.");
        Require(
            DynamicThresholdingRatio is >= 0 and <= 1,
            "dynamic_thresholding_ratio",
            DynamicThresholdingRatio,
            "Give a number from 0 to 1.");
        Require(SampleMaxValue > 0, "sample_max_value", SampleMaxValue, "Give a positive number.");
        Require(SigmaMin is null or > 0, "sigma_min", SigmaMin ?? 0, "Give a positive number.");
        Require(SigmaMax is null or > 0, "sigma_max", SigmaMax ?? 0, "Give a positive number.");
        Require(!double.IsNaN(LambdaMinClipped), "lambda_min_clipped", LambdaMinClipped, "Give -5.1, or remove it.");
        var spreads = new[] { UseKarrasSigmas, UseExponentialSigmas, UseLuLambdas };
        Require(
            spreads.Count(spread => spread) < 2,
            "use_karras_sigmas",
            "not the only one of use_karras_sigmas, use_exponential_sigmas and use_lu_lambdas that is true",
            "Keep one of the three.");
    }

    private static int Whole(SettingsFile file, string field, long missing) =>
        (int)Math.Clamp(file.Integer(field, missing), int.MinValue, int.MaxValue);

    private static bool MinusInfinity(SettingsFile file, string field) =>
        file.Has(field) && file.Shown(field) == "\"-Infinity\"";
}
