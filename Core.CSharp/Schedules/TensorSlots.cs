using static TorchSharp.torch;

namespace Recipes.Core.Schedules;

/// <summary>What steps of a way left for later ones, as tensors of any type and device. It owns them.</summary>
/// <param name="count">Slots of the way; the sample's own is not kept here.</param>
internal sealed class TensorSlots(int count) : IDisposable
{
    private readonly Tensor?[] slots = new Tensor?[count];

    /// <summary>Takes a step.</summary>
    /// <param name="step">The step.</param>
    /// <param name="sample">The sample before.</param>
    /// <param name="output">The model's answer.</param>
    /// <param name="fresh">New noise; null where none is drawn.</param>
    /// <param name="clean">The predicted clean sample within its limit; null where nothing is limited.</param>
    /// <returns>The sample after it, in its own type and a tensor of its own.</returns>
    public Tensor Take(LinearStep step, Tensor sample, Tensor output, Tensor? fresh, Tensor? clean)
    {
        slots[0] = sample;
        Tensor?[] sources = [.. slots, output, fresh, clean];
        var after = new Tensor?[count];
        for (var slot = 1; slot < count; slot++)
        {
            after[slot] = Remembered(step.Slots[slot], sources)?.DetachFromDisposeScope();
        }

        var next = Sum(step.Slots[0], sources) ?? zeros_like(sample);
        Dispose();
        after.CopyTo(slots, 0);
        return next.to_type(sample.dtype);
    }

    /// <summary>Forgets all.</summary>
    public void Dispose()
    {
        for (var slot = 1; slot < count; slot++)
        {
            slots[slot]?.Dispose();
        }

        Array.Clear(slots);
    }

    /// <summary>What is only handed on is not copied.</summary>
    private Tensor? Remembered(LinearForm form, Tensor?[] sources) =>
        form.Copied is { } source && source > 0 && source < count ? sources[source]?.alias() : Sum(form, sources);

    private static Tensor? Sum(LinearForm form, Tensor?[] sources)
    {
        var terms = new List<(double, Tensor)>();
        for (var source = 0; source < sources.Length; source++)
        {
            if (form.Weights[source] is not 0 and var weight)
            {
                terms.Add((
                    weight,
                    sources[source] ?? throw new InvalidOperationException("a step looks at what no step left")));
            }
        }

        return terms.Count == 0 ? null
            : form.Copied is not null ? terms[0].Item2.clone()
            : Combination.Wide([.. terms]);
    }
}
