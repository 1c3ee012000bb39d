using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>Settings of <see cref="Prodigy"/>; its rate is a factor, and 1 is usual.</summary>
public sealed record ProdigyOptions : OptimiserOptions
{
    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in (0, 1); its root is that of the distance's estimates.</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the second moment, times the distance; more than 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>The first estimate of the distance to the solution, more than 0.</summary>
    public double FirstDistance { get; init; } = 1e-6;

    /// <summary>A factor of the estimates, more than 0; the way to a larger or smaller rate.</summary>
    public double DistanceFactor { get; init; } = 1;

    /// <summary>Whether the moments' bias is corrected, as in Adam.</summary>
    public bool BiasCorrection { get; init; }

    /// <summary>Whether a warm-up of the rate is kept out of the estimates.</summary>
    public bool SafeguardWarmUp { get; init; }

    /// <inheritdoc/>
    public override void Check()
    {
        Require(Beta1 is >= 0 and < 1, nameof(Beta1), Beta1, "at least 0 and below 1");
        Require(Beta2 is > 0 and < 1, nameof(Beta2), Beta2, "above 0 and below 1");
        Require(Epsilon > 0 && double.IsFinite(Epsilon), nameof(Epsilon), Epsilon, "more than 0");
        Require(
            FirstDistance > 0 && double.IsFinite(FirstDistance), nameof(FirstDistance), FirstDistance, "more than 0");
        Require(
            DistanceFactor > 0 && double.IsFinite(DistanceFactor), nameof(DistanceFactor), DistanceFactor, "more than 0");
        Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), nameof(WeightDecay), WeightDecay, "0 or more");
    }

    /// <inheritdoc/>
    public override IOptimiser Create(IReadOnlyList<NamedParameter> parameters) => new Prodigy(parameters, this);
}

/// <summary>
/// Adam that finds its own rate, by an estimate of the distance from the first weights to the solution (Mishchenko and
/// Defazio, "Prodigy: An Expeditiously Adaptive Parameter-Free Learner", arXiv 2306.06101, algorithm 4, with the weighting
/// of its published implementation). Each step waits for the device once, for the estimate.
/// </summary>
public sealed class Prodigy : IOptimiser
{
    private const string State = "prodigy.distance";

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
    }

    /// <inheritdoc/>
    public IReadOnlyList<NamedParameter> Parameters => weights.Parameters;

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Masters => weights.Masters;

    /// <inheritdoc/>
    public Tensor[] Gradients => weights.Gradients;

    /// <summary>The estimate of the distance, by which rates are multiplied, as d.</summary>
    public IReadOnlyDictionary<string, double> Figures => new Dictionary<string, double> { ["d"] = distance };

    /// <inheritdoc/>
    public void Step(double rate)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
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

        yield return new(State, tensor(new[] { distance, greatest, numerator, steps }));
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

        var numbers = read(State).to(ScalarType.Float64).cpu().data<double>().ToArray();
        (distance, greatest, numerator, steps) = (numbers[0], numbers[1], numbers[2], (long)numbers[3]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        weights.Dispose();
        foreach (var own in Parts.SelectMany(part => part.Tensors))
        {
            own.Dispose();
        }
    }

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
