using static TorchSharp.torch;

namespace Recipes.Core.Schedules;

/// <summary>
/// What all ways have in common: a level before each evaluation and after the last, and steps that are data.
/// </summary>
internal abstract class LevelSampling : ISampling
{
    private readonly CleanLimit? limit;
    private readonly TensorSlots left;

    // Where the way began, and the evaluation that goes on with it.
    private int start;
    private int next;

    /// <param name="config">Where the levels come from, for messages.</param>
    /// <param name="timesteps">What the model is told.</param>
    /// <param name="levels">One more than there are timesteps.</param>
    /// <param name="slots">The sample, and what steps leave for later ones.</param>
    /// <param name="limit">How far from 0 predicted clean samples may be; null where they are not limited.</param>
    /// <param name="initialSigma">Standard deviation of the noise to start from.</param>
    protected LevelSampling(
        SchedulerConfig config,
        IReadOnlyList<double> timesteps,
        Level[] levels,
        int slots,
        CleanLimit? limit,
        double initialSigma = 1)
    {
        if (config.PredictionType == PredictionType.Epsilon && levels.SkipLast(1).Any(level => level.Signal == 0))
        {
            throw new RecipesException(
                config.Where,
                "\"rescale_betas_zero_snr\" is true where \"prediction_type\" is \"epsilon\": pure noise, which this "
                    + "sampler starts from, says nothing about the picture then",
                "Use a model with \"v_prediction\", or \"timestep_spacing\": \"leading\".");
        }

        Prediction = config.PredictionType;
        Timesteps = timesteps;
        Levels = levels;
        Sigmas = [.. levels.Select(level => level.Sigma)];
        InitialSigma = initialSigma;
        Slots = slots;
        Known = new(slots);
        this.limit = limit;
        left = new TensorSlots(slots);
    }

    public virtual int Order => 1;

    public IReadOnlyList<double> Timesteps { get; }

    public IReadOnlyList<double> Sigmas { get; }

    public double InitialSigma { get; }

    /// <summary>The sample, and what steps leave for later ones.</summary>
    public int Slots { get; }

    /// <summary>Whether no limit acts, so that a step is its matrix alone.</summary>
    public bool IsLinear => limit is null;

    protected PredictionType Prediction { get; }

    protected Level[] Levels { get; }

    /// <summary>What steps are made of.</summary>
    protected LinearForm.Sources Known { get; }

    /// <summary>The step of an evaluation.</summary>
    /// <param name="index">Counted in <see cref="Timesteps"/>.</param>
    /// <param name="start">The evaluation that the way began with, at most the index.</param>
    public abstract LinearStep At(int index, int start);

    /// <summary>The factor that makes the model's input of a sample.</summary>
    public double InputScale(int index) => Levels[index].Signal == 1 ? 1 / Levels[index].Deviation : 1;

    public Tensor AddNoise(Tensor clean, Tensor noise, int index)
    {
        using var scope = NewDisposeScope();
        var level = Levels[index];
        return Combination.Of(clean.dtype, (level.Signal, clean), (level.Noise, noise)).MoveToOuterDisposeScope();
    }

    /// <summary>Noise on top of the signal is scaled to the deviation that the model was trained with, 1.</summary>
    public Tensor ScaleInput(Tensor sample, int index) =>
        Levels[index].Signal == 1 ? sample.div(Levels[index].Deviation) : sample.alias();

    public Tensor Step(Tensor modelOutput, int index, Tensor sample, NoiseSource? noise)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Timesteps.Count);
        if (index != next)
        {
            start = index;
        }

        if (index == start)
        {
            left.Dispose();
        }

        next = index + 1;
        using var gradients = no_grad();
        using var scope = NewDisposeScope();
        var step = At(index, start);
        return left.Take(step, sample, modelOutput, step.Draws ? Fresh(sample, noise) : null, Limited())
            .MoveToOuterDisposeScope();

        Tensor? Limited()
        {
            var clean = Levels[index].Clean(Prediction);
            return limit?.Apply(Combination.Wide((clean.Sample, sample), (clean.Output, modelOutput)));
        }
    }

    public void Dispose() => left.Dispose();

    /// <summary>The predicted clean sample, within its limit.</summary>
    protected LinearForm Clean(int index) => limit is null ? Shares(Levels[index].Clean(Prediction)) : Known.Clean;

    /// <summary>The predicted noise, by no limit.</summary>
    protected LinearForm Epsilon(int index) => Shares(Levels[index].Epsilon(Prediction));

    private LinearForm Shares((double Sample, double Output) shares) =>
        shares.Sample * Known.Sample + shares.Output * Known.Output;

    /// <summary>Standard normal noise as a sample.</summary>
    private static Tensor Fresh(Tensor sample, NoiseSource? noise) =>
        (noise ?? throw new ArgumentNullException(nameof(noise), "this sampler draws noise"))
            .Normal(sample.shape, sample.device, sample.dtype);
}
