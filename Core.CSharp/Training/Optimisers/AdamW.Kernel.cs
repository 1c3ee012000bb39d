using Recipes.Core.Kernels;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <content>The step by one kernel on a CUDA device.</content>
public sealed partial class AdamW
{
    private readonly KernelWeights? kernel;
    private int[] updated = [];
    private Tensor? active;

    /// <inheritdoc/>
    KernelWeights? IRecordedOptimiser.Kernel => kernel;

    /// <inheritdoc/>
    void IRecordedOptimiser.Advance() => Advance();

    /// <inheritdoc/>
    void IRecordedOptimiser.Update(Tensor? norm, double limit) => Update(norm, limit);

    /// <inheritdoc/>
    void IRecordedOptimiser.Prepare() => Prepare();

    private void Advance()
    {
        foreach (var index in updated)
        {
            steps[index]++;
        }
    }

    private void Update(Tensor? norm, double limit)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        Prepare();
        var updating = kernel!.Updating(first, second);
        if (updating.Count == 0)
        {
            return;
        }

        counts.add_(active!);
        AdamWKernel.Step(
            [.. updating, .. kernel.Following(updating, first, second)],
            counts,
            kernel.Rate,
            norm,
            limit,
            kernel.Share,
            options);
    }

    /// <summary>Has the counts' increments lie on the device, anew only where others have gradients than before.</summary>
    private void Prepare()
    {
        var all = Enumerable.Range(0, parameters.Length);
        int[] found = [.. all.Where(i => parameters[i].Parameter.grad is not null)];
        if (active is null || !found.SequenceEqual(updated))
        {
            updated = found;
            active?.Dispose();
            float[] flags = [.. all.Select(i => found.Contains(i) ? 1f : 0f)];
            active = Keep(tensor(flags, device: counts.device));
        }
    }
}
