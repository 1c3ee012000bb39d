using Recipes.Core.Kernels;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <content>The step by one kernel on a CUDA device.</content>
public sealed partial class AdamW
{
    private int[] updated = [];
    private Tensor? active;
    private Tensor? shareTensor;
    private IReadOnlyList<Tensor>? averages;

    /// <summary>
    /// Whether gradients are clipped and weights updated by one kernel, whose work can be recorded by
    /// <see cref="Update"/>. Gradients are then let go after a step rather than zeroed.
    /// </summary>
    internal bool UsesKernel => kernel;

    /// <summary>Sets the rate of the updates that follow, outside of any recording.</summary>
    internal void SetRate(double rate) => rateTensor.fill_(rate);

    /// <summary>The same from the device, for a recording.</summary>
    /// <param name="rate">[1], float32.</param>
    internal void SetRate(Tensor rate) => rateTensor.copy_(rate.squeeze(0));

    /// <summary>
    /// Has the kernel move running averages towards the weights in its own pass over memory, by the share that
    /// <see cref="SetShare"/> sets.
    /// </summary>
    /// <param name="following">Float32, one for each of the masters; not owned. Null for no more.</param>
    /// <returns>False, and nothing done, where the kernel is not used.</returns>
    internal bool Average(IReadOnlyList<Tensor>? following)
    {
        if (!kernel)
        {
            return false;
        }

        averages = following;
        shareTensor ??= Keep(zeros([], ScalarType.Float32, counts.device));
        return true;
    }

    /// <summary>Sets by how much averages move in the updates that follow, outside of any recording.</summary>
    internal void SetShare(double share) => shareTensor!.fill_(share);

    /// <summary>Counts a step on the host, as the device does in <see cref="Update"/>.</summary>
    internal void Advance()
    {
        foreach (var index in updated)
        {
            steps[index]++;
        }
    }

    /// <summary>Updates by the kernel: operations of the device alone.</summary>
    /// <param name="norm">The gradients' joint norm; null for no clipping.</param>
    /// <param name="limit">Greatest norm.</param>
    internal void Update(Tensor? norm, double limit)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        Prepare();
        var present = Present();
        if (present.Count == 0)
        {
            return;
        }

        counts.add_(active!);
        var updating = present.Select(item => Tensors(item.Index, item.Gradient));
        var others = averages is null
            ? []
            : Enumerable.Range(0, parameters.Length).Except(updated).Select(index => Tensors(index, null));
        AdamWKernel.Step(
            [.. updating, .. others],
            counts,
            rateTensor,
            norm,
            limit,
            averages is null ? null : shareTensor,
            options);
    }

    /// <summary>Notes which parameters have gradients, which recordings of <see cref="Update"/> take as given.</summary>
    internal void Prepare()
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

    /// <summary>What has a gradient now.</summary>
    private List<(int Index, Tensor Gradient)> Present()
    {
        var present = new List<(int, Tensor)>();
        for (var index = 0; index < parameters.Length; index++)
        {
            if (parameters[index].Parameter.grad is { } gradient)
            {
                present.Add((index, gradient));
            }
        }

        return present;
    }

    private AdamWTensors Tensors(int index, Tensor? gradient)
    {
        var (master, weight) = (masters[index], parameters[index].Parameter);
        if (gradient is not null && !gradient.stride().SequenceEqual(weight.stride()))
        {
            gradient = empty_like(weight).copy_(gradient);
        }

        return new AdamWTensors(
            index,
            ReferenceEquals(master, weight) ? null : weight,
            master,
            gradient,
            first[index],
            second[index],
            averages?[index]);
    }
}
