using Recipes.Core.Kernels;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <content>The step by kernels on a CUDA device.</content>
public sealed partial class Prodigy
{
    /// <summary>The estimate where kernels keep it; null where this class does.</summary>
    private readonly ProdigyNumbers? numbers;

    /// <inheritdoc/>
    KernelWeights? IRecordedOptimiser.Kernel => weights.Kernel;

    /// <inheritdoc/>
    IReadOnlyList<string> IRecordedOptimiser.FigureNames => [Name];

    /// <inheritdoc/>
    Tensor IRecordedOptimiser.DeviceFigures => numbers!.Figures;

    /// <inheritdoc/>
    void IRecordedOptimiser.Update(Tensor? norm, double limit) => Update(norm, limit);

    private void Update(Tensor? norm, double limit)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var kernel = weights.Kernel!;
        var updating = kernel.Updating(start, first, second, sums);
        if (updating.Count == 0)
        {
            return;
        }

        var values = numbers!.Values;
        var found = ProdigyKernel.Gather(updating, values, kernel.Rate, norm, limit, options);
        ProdigyKernel.Estimate(values, kernel.Rate, found, numbers.Figures, options);
        var moving = updating.Select(item => item with { States = [first[item.Place], second[item.Place]] });
        ProdigyKernel.Move([.. moving, .. kernel.Following(updating, first, second)], values, kernel.Share, options);
    }
}
