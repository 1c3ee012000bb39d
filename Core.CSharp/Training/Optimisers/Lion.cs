using Recipes.Core.Kernels;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>Settings of <see cref="Lion"/>; rates of a third to a tenth of AdamW's are usual.</summary>
public sealed record LionOptions : OptimiserOptions
{
    /// <summary>Weight of the momentum in a step's direction, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the momentum, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.99;

    /// <inheritdoc/>
    public override void Check()
    {
        Require(Beta1 is >= 0 and < 1, nameof(Beta1), Beta1, "at least 0 and below 1");
        Require(Beta2 is >= 0 and < 1, nameof(Beta2), Beta2, "at least 0 and below 1");
        Require(WeightDecay >= 0 && double.IsFinite(WeightDecay), nameof(WeightDecay), WeightDecay, "0 or more");
    }

    /// <inheritdoc/>
    public override IOptimiser Create(IReadOnlyList<NamedParameter> parameters) => new Lion(parameters, this);
}

/// <summary>
/// Steps of one size in the sign's direction (Chen et al., "Symbolic Discovery of Optimization Algorithms", arXiv
/// 2302.06675, algorithm 2), with one moment where AdamW has two. On a CUDA device with this program's kernels a step is
/// one pass over memory.
/// </summary>
public sealed class Lion : IRecordedOptimiser
{
    private readonly LionOptions options;
    private readonly MasterWeights weights;
    private readonly Tensor[] momentum;

    /// <exception cref="RecipesException">Settings out of range, or parameters that cannot be trained together.</exception>
    public Lion(IReadOnlyList<NamedParameter> parameters, LionOptions options)
    {
        options.Check();
        this.options = options;
        weights = new MasterWeights(parameters, nameof(Lion));
        momentum = weights.Zeros();
    }

    /// <inheritdoc/>
    public IReadOnlyList<NamedParameter> Parameters => weights.Parameters;

    /// <inheritdoc/>
    public IReadOnlyList<Tensor> Masters => weights.Masters;

    /// <inheritdoc/>
    public Tensor[] Gradients => weights.Gradients;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Figures { get; } = new Dictionary<string, double>();

    /// <inheritdoc/>
    KernelWeights? IRecordedOptimiser.Kernel => Kernel;

    private KernelWeights? Kernel => weights.Kernel;

    /// <inheritdoc/>
    public void Step(double rate)
    {
        using var _ = no_grad();
        if (Kernel is not null)
        {
            Kernel.SetRate(rate);
            Update(null, 0);
            return;
        }

        weights.Update((index, master, gradient) =>
        {
            var direction = momentum[index].mul(options.Beta1).add_(gradient, 1 - options.Beta1).sign_();
            master.mul_(1 - (rate * options.WeightDecay)).add_(direction, -rate);
            momentum[index].mul_(options.Beta2).add_(gradient, 1 - options.Beta2);
        });
    }

    /// <inheritdoc/>
    public void ZeroGrad() => weights.ZeroGrad();

    /// <inheritdoc/>
    void IRecordedOptimiser.Update(Tensor? norm, double limit) => Update(norm, limit);

    /// <inheritdoc/>
    public IEnumerable<KeyValuePair<string, Tensor>> Save() => weights.Save().Concat(
        weights.Parameters.Zip(momentum, (item, own) => KeyValuePair.Create($"{item.Name}.momentum", own)));

    /// <inheritdoc/>
    public void Restore(Func<string, Tensor> read)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        weights.Restore(read);
        for (var index = 0; index < momentum.Length; index++)
        {
            momentum[index].copy_(read($"{weights.Parameters[index].Name}.momentum"));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        weights.Dispose();
        foreach (var own in momentum)
        {
            own.Dispose();
        }
    }

    private void Update(Tensor? norm, double limit)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var updating = Kernel!.Updating(momentum);
        if (updating.Count > 0)
        {
            LionKernel.Step(
                [.. updating, .. Kernel.Following(updating, momentum)], Kernel.Rate, norm, limit, Kernel.Share, options);
        }
    }
}
