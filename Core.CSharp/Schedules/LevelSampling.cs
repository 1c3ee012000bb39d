using static TorchSharp.torch;

namespace Recipes.Core.Schedules;

/// <summary>What all ways have in common: a level before each evaluation and after the last.</summary>
internal abstract class LevelSampling : ISampling
{
    private int next;

    /// <param name="config">Where the levels come from, for messages.</param>
    /// <param name="timesteps">What the model is told.</param>
    /// <param name="levels">One more than there are timesteps.</param>
    /// <param name="initialSigma">Standard deviation of the noise to start from.</param>
    protected LevelSampling(
        SchedulerConfig config, IReadOnlyList<double> timesteps, Level[] levels, double initialSigma = 1)
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
    }

    public virtual int Order => 1;

    public IReadOnlyList<double> Timesteps { get; }

    public IReadOnlyList<double> Sigmas { get; }

    public double InitialSigma { get; }

    protected PredictionType Prediction { get; }

    protected Level[] Levels { get; }

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
            Forget();
        }

        next = index + 1;
        using var gradients = no_grad();
        using var scope = NewDisposeScope();
        return Advance(modelOutput, index, sample, noise).MoveToOuterDisposeScope();
    }

    public void Dispose() => Forget();

    /// <summary>The sample after an evaluation; temporary tensors are freed by the caller.</summary>
    protected abstract Tensor Advance(Tensor output, int index, Tensor sample, NoiseSource? noise);

    /// <summary>Drops what earlier steps left.</summary>
    protected virtual void Forget()
    {
    }

    /// <summary>Standard normal noise as a sample.</summary>
    protected static Tensor Fresh(Tensor sample, NoiseSource? noise) =>
        (noise ?? throw new ArgumentNullException(nameof(noise), "this sampler draws noise"))
            .Normal(sample.shape, sample.device, sample.dtype);
}
