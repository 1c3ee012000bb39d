using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// Adam that finds its own rate, by an estimate of the distance from the first weights to the solution (Mishchenko and
/// Defazio, "Prodigy: An Expeditiously Adaptive Parameter-Free Learner", arXiv 2306.06101, algorithm 4, with the weighting
/// of its published implementation). On a CUDA device with this program's kernels a step is two passes over memory, and
/// the estimate stays there; a plain step waits for the device once, for the estimate.
/// </summary>
public sealed partial class Prodigy : IRecordedOptimiser
{
    private const string State = "prodigy.distance";
    private const string Name = "d";

    private readonly ProdigyOptions options;
    private readonly MasterWeights weights;
    private readonly Tensor[] start;
    private readonly Tensor[] first;
    private readonly Tensor[] second;
    private readonly Tensor[] sums;
    private double distance;
    private double greatest;
    private double numerator;
    private long steps;

    /// <exception cref="RecipesException">Settings out of range, or parameters that cannot be trained together.</exception>
    public Prodigy(IReadOnlyList<NamedParameter> parameters, ProdigyOptions options)
    {
        options.Check();
        this.options = options;
        weights = new MasterWeights(parameters, nameof(Prodigy));
        using var _ = no_grad();
        start = [.. weights.Masters.Select(master => master.detach().clone().DetachFromDisposeScope())];
        (first, second, sums) = (weights.Zeros(), weights.Zeros(), weights.Zeros());
        distance = greatest = options.FirstDistance;
        numbers = weights.Kernel is null ? null : new ProdigyNumbers(weights.Masters[0].device, Numbers);
    }

    /// <inheritdoc/>
    public IReadOnlyList<NamedParameter> Parameters => weights.Parameters;

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Masters => weights.Masters;

    /// <inheritdoc/>
    public Tensor[] Gradients => weights.Gradients;

    /// <summary>The estimate of the distance, by which rates are multiplied, as d.</summary>
    public IReadOnlyDictionary<string, double> Figures =>
        new Dictionary<string, double> { [Name] = numbers?.Distance ?? distance };

    /// <inheritdoc/>
    public void Step(double rate)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        if (weights.Kernel is { } kernel)
        {
            kernel.SetRate(rate);
            Update(null, 0);
            return;
        }

        if (Gradients.Length == 0)
        {
            return;
        }

        var correction = options.BiasCorrection
            ? Math.Sqrt(1 - Math.Pow(options.Beta2, steps + 1)) / (1 - Math.Pow(options.Beta1, steps + 1))
            : 1;
        var step = distance * rate * correction;
        if (rate > 0 && !Estimate(step))
        {
            return;
        }

        weights.Update((index, master, _) =>
        {
            var root = second[index].sqrt().add_(distance * options.Epsilon);
            master.mul_(1 - (step * options.WeightDecay)).addcdiv_(first[index], root, -step);
        });
        steps++;
    }

    /// <inheritdoc/>
    public void ZeroGrad() => weights.ZeroGrad();

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, Tensor>> Save()
    {
        foreach (var pair in weights.Save())
        {
            yield return pair;
        }

        foreach (var (part, tensors) in Parts)
        {
            for (var index = 0; index < tensors.Length; index++)
            {
                yield return new($"{weights.Parameters[index].Name}.{part}", tensors[index]);
            }
        }

        yield return new(State, numbers?.Kept() ?? tensor(Numbers));
    }

    /// <inheritdoc/>
    public void Restore(Func<string, Tensor> read)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        weights.Restore(read);
        foreach (var (part, tensors) in Parts)
        {
            for (var index = 0; index < tensors.Length; index++)
            {
                tensors[index].copy_(read($"{weights.Parameters[index].Name}.{part}"));
            }
        }

        var kept = read(State).to(ScalarType.Float64).cpu().data<double>().ToArray();
        (distance, greatest, numerator, steps) = (kept[0], kept[1], kept[2], (long)kept[3]);
        numbers?.Set(Numbers);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        weights.Dispose();
        numbers?.Dispose();
        foreach (var own in Parts.SelectMany(part => part.Tensors))
        {
            own.Dispose();
        }
    }

    private double[] Numbers => [distance, greatest, numerator, steps];

    private (string Name, Tensor[] Tensors)[] Parts =>
        [("start", start), ("first", first), ("second", second), ("sum", sums)];

    /// <summary>Takes the gradients in and estimates the distance anew; false where they are all zero.</summary>
    private bool Estimate(double step)
    {
        var (decay, share) = (Math.Sqrt(options.Beta2), distance / options.FirstDistance);
        var device = weights.Masters[0].device;
        var (along, length) = (zeros(1, float64, device), zeros(1, float64, device));
        weights.Update((index, master, gradient) =>
        {
            along.add_((gradient * (start[index] - master)).sum(ScalarType.Float64));
            first[index].mul_(options.Beta1).add_(gradient, distance * (1 - options.Beta1));
            second[index].mul_(options.Beta2).addcmul_(gradient, gradient, distance * distance * (1 - options.Beta2));
            sums[index].mul_(decay).add_(gradient, share * (options.SafeguardWarmUp ? distance : step));
            length.add_(sums[index].abs().sum(ScalarType.Float64));
        });
        var found = cat([along, length]).cpu().data<double>().ToArray();
        if (found[1] == 0)
        {
            return false;
        }

        numerator = (numerator * decay) + (share * step * found[0]);
        var estimate = options.DistanceFactor * numerator / found[1];
        if (distance == options.FirstDistance)
        {
            distance = Math.Max(distance, estimate);
        }

        greatest = Math.Max(greatest, estimate);
        distance = greatest;
        return true;
    }
}
