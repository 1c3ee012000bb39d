using Recipes.Core.Kernels;
using Recipes.Core.Native;
using Recipes.Core.Training;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Recipes.Core.Bench;

/// <summary>How far an optimiser's kernels are from their plain twin after the same gradients: ‖difference‖ / ‖plain‖.</summary>
/// <param name="Name">The optimiser, and how it is set.</param>
/// <param name="Weights">Of the float32 masters' change.</param>
/// <param name="Averages">Of the running averages' change.</param>
/// <param name="Moment">What the optimiser remembers.</param>
/// <param name="Moments">Of that.</param>
public sealed record OptimiserComparison(string Name, double Weights, double Averages, string Moment, double Moments)
{
    /// <summary>The greatest distance allowed: float32's rounding, and what it turns of bfloat16's.</summary>
    public const double Most = 1e-3;

    /// <summary>
    /// The greatest distance allowed of Lion's weights. A step turns around where its direction is within rounding of
    /// nothing, and one such turn among these weights is a distance of 1.5e-4. This allows a thousand in nine million
    /// steps; a first beta that is off by a hundredth is a distance of 0.04, which the momentum does not show.
    /// </summary>
    public const double MostOfSigns = 5e-3;

    private const int Steps = 30;

    /// <summary>Of Prodigy's estimate of the distance; null where there is none.</summary>
    public double? Distance { get; init; }

    /// <summary>The greatest distance allowed of weights and averages.</summary>
    public double MostOfWeights { get; init; } = Most;

    /// <summary>Whether the two are as near as they should be.</summary>
    public bool Agrees =>
        Weights <= MostOfWeights && Averages <= MostOfWeights && Moments <= Most && Distance is null or <= Most;

    /// <summary>Compares all optimisers; nothing where there is nothing to compare.</summary>
    public static IEnumerable<OptimiserComparison> Run()
    {
        if (!Fused.Available || !CudaGraph.Available)
        {
            yield break;
        }

        foreach (var moments in (Precision[])[Precision.Float32, Precision.BFloat16])
        {
            var options = new AdamWOptions { Moments = moments, Seed = 7 };
            yield return Compared(
                $"AdamW with moments in {moments}",
                options with { Path = AdamWPath.Plain },
                options,
                ("second moments", "second"));
        }

        var lion = new LionOptions { WeightDecay = 0.1 };
        yield return Compared("Lion", lion, lion, ("momentum", "momentum")) with { MostOfWeights = MostOfSigns };
        var prodigy = new ProdigyOptions { FirstDistance = 1e-3 };
        var corrected = prodigy with { BiasCorrection = true, SafeguardWarmUp = true, DistanceFactor = 10 };
        yield return Compared("Prodigy", prodigy, prodigy, ("second moments", "second"));
        yield return Compared(
            "Prodigy, bias corrected, warm-up kept out, ten times the estimate",
            corrected,
            corrected,
            ("second moments", "second"));
    }

    private static OptimiserComparison Compared(
        string name, OptimiserOptions plainly, OptimiserOptions byKernels, (string Name, string Part) moment)
    {
        using var scope = NewDisposeScope();
        var plain = Train(plainly, moment.Part, fused: false);
        var fused = Train(byKernels, moment.Part, fused: true);
        return new OptimiserComparison(
            name,
            FusedComparison.Distance(fused.Weights, plain.Weights),
            FusedComparison.Distance(fused.Averages, plain.Averages),
            moment.Name,
            FusedComparison.Distance(fused.Moments, plain.Moments))
        {
            Distance = plain.Distance is { } distance ? Math.Abs(fused.Distance!.Value - distance) / distance : null,
        };
    }

    /// <summary>Changes of weights and averages, and what the optimiser remembers, side by side.</summary>
    private static (Tensor Weights, Tensor Averages, Tensor Moments, double? Distance) Train(
        OptimiserOptions options, string moment, bool fused)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        cuda.manual_seed(3);
        NamedParameter[] parameters =
        [
            .. ((long[][])[[1000, 77], [40001], [3], [16384], [64, 32, 3, 3]])
                .SelectMany(shape => (ScalarType[])[ScalarType.BFloat16, ScalarType.Float32], (shape, type) =>
                    new Parameter(randn(shape, dtype: type, device: CUDA)))
                .Select((parameter, index) => new NamedParameter($"{index}", parameter)),
        ];
        using var optimiser = Create(options, parameters, fused);
        using var step = new EmaStep(
            new DrawnGradients(parameters, optimiser), optimiser, new EmaOptions { Decay = 0.9 });
        var start = All(optimiser.Masters);
        for (var index = 0; index < Steps; index++)
        {
            step.Start(index);
        }

        var (weights, averages, moments) = scope.MoveToOuter(
            All(optimiser.Masters).sub_(start),
            All(step.Averages.Select(pair => pair.Value)).sub_(start),
            All(optimiser.Save().Where(pair => pair.Key.EndsWith($".{moment}", StringComparison.Ordinal))
                .Select(pair => pair.Value)));
        return (
            weights, averages, moments, optimiser.Figures.TryGetValue("d", out var distance) ? distance : null);
    }

    private static IOptimiser Create(OptimiserOptions options, NamedParameter[] parameters, bool fused)
    {
        var enabled = Fused.Enabled;
        try
        {
            Fused.Enabled = fused;
            return options.Create(parameters);
        }
        finally
        {
            Fused.Enabled = enabled;
        }
    }

    private static Tensor All(IEnumerable<Tensor> tensors) =>
        cat([.. tensors.Select(item => item.detach().to_type(ScalarType.Float32).flatten())]);
}
