using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", algorithm 2),
/// as PyTorch computes it. Weights below float32 are updated through float32 masters. A parameter that has had no
/// gradient yet is left alone, its decay too.
/// </summary>
/// <remarks>
/// Gradients are zeroed in place and never replaced, so that every step works on the same memory:
/// clear them by <see cref="ZeroGrad"/> only.
/// </remarks>
public sealed partial class AdamW : IRecordedOptimiser
{
    private readonly AdamWOptions options;
    private readonly NamedParameter[] parameters;
    private readonly Tensor[] masters;
    private readonly Tensor[] first;
    private readonly Tensor[] second;
    private readonly Tensor?[] gradients;
    private readonly Tensor?[] wide;
    private readonly long[] steps;
    private readonly Tensor counts;
    private readonly Tensor[] countOf;
    private readonly Tensor rateTensor;
    private Lists? lists;

    /// <summary>An optimiser of parameters named by their place in the list.</summary>
    public AdamW(IReadOnlyList<Parameter> parameters, AdamWOptions options)
        : this([.. parameters.Select((parameter, index) => new NamedParameter($"{index}", parameter))], options)
    {
    }

    /// <summary>An optimiser with no steps taken.</summary>
    /// <exception cref="RecipesException">
    /// No parameters, two of one name, several devices, or settings out of range.
    /// </exception>
    public AdamW(IReadOnlyList<NamedParameter> parameters, AdamWOptions options)
    {
        options.Check();
        MasterWeights.Check(parameters, nameof(AdamW));
        this.options = options;
        this.parameters = [.. parameters];
        var device = parameters[0].Parameter.device;
        using var _ = no_grad();
        masters = [.. parameters.Select(item => Keep(MasterWeights.Master(item.Parameter)))];
        var narrow = options.Moments == Precision.BFloat16;
        var kind = narrow ? ScalarType.BFloat16 : ScalarType.Float32;
        first = [.. masters.Select(master => Keep(zeros_like(master, kind)))];
        second = [.. masters.Select(master => Keep(zeros_like(master, kind)))];
        gradients = new Tensor?[parameters.Count];
        wide = new Tensor?[parameters.Count];
        steps = new long[parameters.Count];
        counts = Keep(zeros(parameters.Count, dtype: ScalarType.Float32, device: device));
        countOf = [.. Enumerable.Range(0, parameters.Count).Select(index => Keep(counts[index]))];
        rateTensor = Keep(tensor(options.Rate, dtype: ScalarType.Float32, device: device));
        kernel = options.Path == AdamWPath.Fused && KernelWeights.Usable(device)
            ? new KernelWeights(this.parameters, masters, ScalarType.Float32)
            : null;
    }

    /// <summary>The settings.</summary>
    public AdamWOptions Options => options;

    /// <summary>What is trained, in order.</summary>
    public IReadOnlyList<NamedParameter> Parameters => parameters;

    /// <summary>
    /// The weights in float32, in the order of <see cref="Parameters"/>: the parameters themselves where they are
    /// float32.
    /// </summary>
    public IReadOnlyList<Tensor> Masters => masters;

    /// <summary>The gradients present now.</summary>
    public Tensor[] Gradients => kernel?.Gradients ?? Current().Gradients;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Figures { get; } = new Dictionary<string, double>();

    /// <inheritdoc/>
    void IOptimiser.Step(double rate) => Step(rate);

    /// <summary>Updates every parameter that has a gradient.</summary>
    /// <param name="rate">The learning rate of this step; <see cref="AdamWOptions.Rate"/> by default.</param>
    public void Step(double? rate = null)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (kernel is not null)
        {
            kernel.SetRate(rate ?? options.Rate);
            Update(null, 0);
            Advance();
            return;
        }

        var current = Current();
        if (current.Indices.Length == 0)
        {
            return;
        }

        foreach (var index in current.Indices)
        {
            steps[index]++;
        }

        counts.add_(current.Active);
        if (current.Narrow.Length > 0)
        {
            TensorLists.Copy(current.NarrowWide, current.NarrowGradients);
        }

        if (options.Moments == Precision.BFloat16)
        {
            foreach (var index in current.Indices)
            {
                StepNarrow(index, wide[index] ?? gradients[index]!, rate ?? options.Rate);
            }
        }
        else if (options.Path == AdamWPath.Fused)
        {
            rateTensor.fill_(rate ?? options.Rate);
            TensorLists.AdamW(
                current.Masters, current.Wide, current.First, current.Second, current.Counts, rateTensor, options);
        }
        else
        {
            foreach (var index in current.Indices)
            {
                StepPlain(
                    index, wide[index] ?? gradients[index]!, rate ?? options.Rate, first[index], second[index]);
            }
        }

        if (current.Narrow.Length > 0)
        {
            TensorLists.Copy(current.Narrow, current.NarrowMasters);
        }
    }

    /// <summary>Sets every gradient to zero, in place; where the kernel is used, lets them go.</summary>
    public void ZeroGrad()
    {
        if (kernel is not null)
        {
            kernel.LetGo();
            return;
        }

        var current = Current();
        if (current.Gradients.Length > 0)
        {
            TensorLists.Zero(current.Gradients);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lists?.Active.Dispose();
        kernel?.Dispose();
        Tensor?[] own = [active, .. first, .. second, .. gradients, .. wide, .. countOf, counts, rateTensor];
        foreach (var item in own)
        {
            item?.Dispose();
        }

        for (var index = 0; index < masters.Length; index++)
        {
            if (!ReferenceEquals(masters[index], parameters[index].Parameter))
            {
                masters[index].Dispose();
            }
        }
    }

    private static Tensor Keep(Tensor value) => value.DetachFromDisposeScope();

    private void StepPlain(int index, Tensor gradient, double rate, Tensor mean, Tensor square)
    {
        var master = masters[index];
        var correction1 = 1 - Math.Pow(options.Beta1, steps[index]);
        var correction2 = 1 - Math.Pow(options.Beta2, steps[index]);
        master.mul_(1 - (rate * options.WeightDecay));
        mean.mul_(options.Beta1).add_(gradient, 1 - options.Beta1);
        square.mul_(options.Beta2).addcmul_(gradient, gradient, 1 - options.Beta2);
        var root = square.sqrt().div_(Math.Sqrt(correction2)).add_(options.Epsilon);
        master.addcdiv_(mean, root, -rate / correction1);
    }

    private void StepNarrow(int index, Tensor gradient, double rate)
    {
        var (mean, square) = (first[index].to(ScalarType.Float32), second[index].to(ScalarType.Float32));
        StepPlain(index, gradient, rate, mean, square);
        NarrowMoments.Round(options.Seed, steps[index], index, mean, square, first[index], second[index]);
    }

    /// <summary>The lists of what has a gradient, made anew only when another parameter got its first.</summary>
    private Lists Current()
    {
        var found = lists is null;
        for (var index = 0; index < parameters.Length; index++)
        {
            if (gradients[index] is null && parameters[index].Parameter.grad is { } gradient)
            {
                gradients[index] = Keep(gradient);
                if (gradient.dtype != ScalarType.Float32)
                {
                    wide[index] = Keep(zeros_like(masters[index]));
                }

                found = true;
            }
        }

        if (found)
        {
            lists?.Active.Dispose();
            lists = MakeLists();
        }

        return lists!;
    }

    private Lists MakeLists()
    {
        int[] indices = [.. Enumerable.Range(0, parameters.Length).Where(index => gradients[index] is not null)];
        int[] narrow = [.. indices.Where(index => wide[index] is not null)];
        float[] active = [.. gradients.Select(gradient => gradient is null ? 0f : 1f)];
        return new Lists(
            indices,
            [.. indices.Select(index => gradients[index]!)],
            [.. indices.Select(index => wide[index] ?? gradients[index]!)],
            [.. indices.Select(index => masters[index])],
            [.. indices.Select(index => first[index])],
            [.. indices.Select(index => second[index])],
            [.. indices.Select(index => countOf[index])],
            [.. narrow.Select(index => (Tensor)parameters[index].Parameter)],
            [.. narrow.Select(index => gradients[index]!)],
            [.. narrow.Select(index => wide[index]!)],
            [.. narrow.Select(index => masters[index])],
            Keep(tensor(active, device: counts.device)));
    }

    private sealed record Lists(
        int[] Indices,
        Tensor[] Gradients,
        Tensor[] Wide,
        Tensor[] Masters,
        Tensor[] First,
        Tensor[] Second,
        Tensor[] Counts,
        Tensor[] Narrow,
        Tensor[] NarrowGradients,
        Tensor[] NarrowWide,
        Tensor[] NarrowMasters,
        Tensor Active);
}
