using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// Follows gradients. Weights below float32 are updated through float32 masters; a parameter without a gradient is left
/// alone.
/// </summary>
public interface IOptimiser : IDisposable
{
    /// <summary>What is trained, in order.</summary>
    IReadOnlyList<NamedParameter> Parameters { get; }

    /// <summary>
    /// The weights in float32, in the order of <see cref="Parameters"/>: the parameters themselves where they are
    /// float32.
    /// </summary>
    IReadOnlyList<Tensor> Masters { get; }

    /// <summary>The gradients present now.</summary>
    Tensor[] Gradients { get; }

    /// <summary>What to log of the last step besides its rate, by name; mostly nothing.</summary>
    IReadOnlyDictionary<string, double> Figures { get; }

    /// <summary>Updates every parameter that has a gradient.</summary>
    /// <param name="rate">The learning rate of this step.</param>
    void Step(double rate);

    /// <summary>Sets every gradient to zero, in place, or lets them go.</summary>
    void ZeroGrad();

    /// <summary>The state as named tensors, for a checkpoint.</summary>
    IEnumerable<KeyValuePair<string, Tensor>> Save();

    /// <summary>Takes the state back, and the parameters with it.</summary>
    /// <param name="read">The tensor of a name that <see cref="Save"/> gave.</param>
    void Restore(Func<string, Tensor> read);
}

/// <summary>Settings of an optimiser, and the optimiser that has them.</summary>
public abstract record OptimiserOptions
{
    /// <summary>Decoupled weight decay: each step multiplies a weight by 1 - rate × decay.</summary>
    public double WeightDecay { get; init; } = 1e-2;

    /// <summary>Refuses settings that cannot train.</summary>
    /// <exception cref="RecipesException">A setting is out of its range.</exception>
    public abstract void Check();

    /// <summary>The same with the seed of what it draws at random; most draw nothing.</summary>
    public virtual OptimiserOptions Seeded(ulong seed) => this;

    /// <summary>An optimiser with no steps taken.</summary>
    /// <exception cref="RecipesException">No parameters, two of one name, or several devices.</exception>
    public abstract IOptimiser Create(IReadOnlyList<NamedParameter> parameters);

    /// <summary>Refuses a setting out of its range.</summary>
    protected void Require(bool right, string setting, double value, string range)
    {
        if (!right)
        {
            throw new RecipesException(
                $"{GetType().Name.Replace("Options", "")}.{setting}",
                $"{value} is out of range",
                $"Set {setting} to a number that is {range}.");
        }
    }
}
