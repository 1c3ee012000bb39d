using Recipes.Core.Kernels;
using Recipes.Core.Native;
using Recipes.Core.Training;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Recipes.Core.Bench;

/// <summary>How far AdamW's kernel is from its plain twin after the same gradients: ‖difference‖ / ‖plain‖.</summary>
/// <param name="Moments">The type of the moments.</param>
/// <param name="Weights">Of the float32 masters' change.</param>
/// <param name="Averages">Of the running averages' change.</param>
/// <param name="Second">Of the second moments.</param>
public sealed record OptimiserComparison(Precision Moments, double Weights, double Averages, double Second)
{
    /// <summary>The greatest distance allowed: float32's rounding, and what it turns of bfloat16's.</summary>
    public const double Most = 1e-3;

    private const int Steps = 30;

    /// <summary>Whether the two are as near as they should be.</summary>
    public bool Agrees => Weights <= Most && Averages <= Most && Second <= Most;

    /// <summary>Compares both types of moments; nothing where there is nothing to compare.</summary>
    public static IEnumerable<OptimiserComparison> Run()
    {
        if (!Fused.Available || !CudaGraph.Available)
        {
            yield break;
        }

        foreach (var moments in (Precision[])[Precision.Float32, Precision.BFloat16])
        {
            using var scope = NewDisposeScope();
            var plain = Train(moments, AdamWPath.Plain);
            var fused = Train(moments, AdamWPath.Fused);
            yield return new OptimiserComparison(
                moments,
                FusedComparison.Distance(fused.Weights, plain.Weights),
                FusedComparison.Distance(fused.Averages, plain.Averages),
                FusedComparison.Distance(fused.Second, plain.Second));
        }
    }

    /// <summary>Changes of weights and averages, and the second moments, side by side.</summary>
    private static (Tensor Weights, Tensor Averages, Tensor Second) Train(Precision moments, AdamWPath path)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        cuda.manual_seed(3);
        Parameter[] parameters =
        [
            .. ((long[][])[[1000, 77], [40001], [3], [16384], [64, 32, 3, 3]]).SelectMany(shape => (Parameter[])
            [
                new Parameter(randn(shape, dtype: ScalarType.BFloat16, device: CUDA)),
                new Parameter(randn(shape, dtype: ScalarType.Float32, device: CUDA)),
            ]),
        ];
        using var optimiser = new AdamW(parameters, new AdamWOptions { Moments = moments, Path = path, Seed = 7 });
        using var step = new EmaStep(new Gradients(parameters, optimiser), optimiser, new EmaOptions { Decay = 0.9 });
        var start = All(optimiser.Masters);
        for (var index = 0; index < Steps; index++)
        {
            step.Start(index);
        }

        return scope.MoveToOuter(
            All(optimiser.Masters).sub_(start),
            All(step.Averages.Select(pair => pair.Value)).sub_(start),
            All(optimiser.Parameters.Select(item => optimiser.State[item.Name].Second)));
    }

    private static Tensor All(IEnumerable<Tensor> tensors) =>
        cat([.. tensors.Select(item => item.detach().to_type(ScalarType.Float32).flatten())]);

    /// <summary>Steps whose gradients are drawn.</summary>
    private sealed class Gradients(Parameter[] parameters, AdamW optimiser) : ITrainingStep
    {
        public bool RunsAhead => false;

        public void Start(long step)
        {
            using var scope = NewDisposeScope();
            foreach (var parameter in parameters)
            {
                var drawn = randn_like(parameter).mul_(0.01).add_(parameter, 0.001);
                if (parameter.grad is { } present)
                {
                    // The plain path keeps the gradients' memory, and zeroes it.
                    present.copy_(drawn);
                }
                else
                {
                    parameter.grad = drawn.DetachFromDisposeScope();
                }
            }

            optimiser.Step(1e-3);
            optimiser.ZeroGrad();
        }

        public IReadOnlyList<StepResult> Read() => [];

        public IEnumerable<KeyValuePair<string, Tensor>> SaveState() => [];

        public void RestoreState(Func<string, Tensor> read)
        {
        }

        public void Dispose()
        {
        }
    }
}
