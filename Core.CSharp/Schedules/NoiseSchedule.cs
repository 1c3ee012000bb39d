using static TorchSharp.torch;

namespace Recipes.Core.Schedules;

/// <summary>
/// The noise of training (Ho et al. 2020): x_t = √ᾱ_t·x + √(1-ᾱ_t)·ε. ᾱ is computed in float32, in the order of the
/// reference implementation, so that it agrees to the bit.
/// </summary>
public sealed class NoiseSchedule : IDisposable
{
    private readonly Tensor alphas;
    private readonly float[] values;

    /// <exception cref="RecipesException">The config has numbers that no schedule can be made of.</exception>
    public NoiseSchedule(SchedulerConfig config)
    {
        SchedulerConfigFile.Check(config);
        Config = config;
        using var gradients = no_grad();
        using var scope = NewDisposeScope();
        var betas = Betas(config);
        betas = config.RescaleBetasZeroSnr ? ZeroTerminal(betas) : betas;
        alphas = (1 - betas).cumprod(0).DetachFromDisposeScope();
        values = alphas.data<float>().ToArray();
    }

    /// <summary>What it was made of.</summary>
    public SchedulerConfig Config { get; }

    /// <summary>T.</summary>
    public int Count => values.Length;

    /// <summary>ᾱ of each training timestep, float32 [T] on the CPU.</summary>
    public Tensor AlphasCumprod => alphas;

    /// <summary>ᾱ of one training timestep.</summary>
    public float Alpha(long timestep) => values[timestep];

    /// <summary>√ᾱ_t·x + √(1-ᾱ_t)·ε, in the type of x.</summary>
    /// <param name="x0">Clean samples, [n, ..].</param>
    /// <param name="noise">Standard normal, of the same shape.</param>
    /// <param name="t">Whole timesteps, [n].</param>
    public Tensor AddNoise(Tensor x0, Tensor noise, Tensor t)
    {
        using var scope = NewDisposeScope();
        var (signal, rest) = Shares(t, x0);
        return (signal * x0 + rest * noise).to_type(x0.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>v = √ᾱ_t·ε - √(1-ᾱ_t)·x, in the type of x.</summary>
    /// <inheritdoc cref="AddNoise"/>
    public Tensor Velocity(Tensor x0, Tensor noise, Tensor t)
    {
        using var scope = NewDisposeScope();
        var (signal, rest) = Shares(t, x0);
        return (signal * noise - rest * x0).to_type(x0.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>What the model is to predict, by its prediction type; a tensor of its own.</summary>
    /// <inheritdoc cref="AddNoise"/>
    public Tensor Target(Tensor x0, Tensor noise, Tensor t) => Config.PredictionType switch
    {
        PredictionType.Epsilon => noise.alias(),
        PredictionType.Velocity => Velocity(x0, noise, t),
        _ => x0.alias(),
    };

    /// <summary>ᾱ/(1-ᾱ), float32 [n].</summary>
    /// <param name="t">Whole timesteps, [n].</param>
    public Tensor Snr(Tensor t)
    {
        using var scope = NewDisposeScope();
        var share = alphas.to(t.device).index_select(0, t.to_type(ScalarType.Int64));
        return (share / (1 - share)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => alphas.Dispose();

    /// <summary>√ᾱ and √(1-ᾱ) in float32, shaped to multiply samples.</summary>
    private (Tensor Signal, Tensor Noise) Shares(Tensor t, Tensor samples)
    {
        var shape = new long[samples.dim()];
        Array.Fill(shape, 1);
        shape[0] = -1;
        var device = samples.device;
        var share = alphas.to(device).index_select(0, t.to(ScalarType.Int64, device)).reshape(shape);
        return (share.sqrt(), (1 - share).sqrt());
    }

    private static Tensor Betas(SchedulerConfig config)
    {
        var count = config.NumTrainTimesteps;
        if (config.TrainedBetas is { } trained)
        {
            return tensor(trained.ToArray(), dtype: ScalarType.Float32);
        }

        return config.BetaSchedule switch
        {
            BetaSchedule.Linear => linspace(config.BetaStart, config.BetaEnd, count, dtype: ScalarType.Float32),
            BetaSchedule.ScaledLinear => linspace(
                Math.Sqrt(config.BetaStart), Math.Sqrt(config.BetaEnd), count, dtype: ScalarType.Float32).pow(2),
            _ => tensor(
                Enumerable.Range(0, count).Select(i => CosineBeta(i, count)).ToArray(), dtype: ScalarType.Float32),
        };
    }

    private static double CosineBeta(int i, int count)
    {
        static double Share(double time) => Math.Pow(Math.Cos((time + 0.008) / 1.008 * Math.PI / 2), 2);
        return Math.Min(1 - Share((i + 1.0) / count) / Share((double)i / count), 0.999);
    }

    /// <summary>
    /// Shifts and scales √ᾱ so that its last value is 0 and its first stays (Lin et al. 2024, algorithm 1).
    /// </summary>
    private static Tensor ZeroTerminal(Tensor betas)
    {
        var roots = (1 - betas).cumprod(0).sqrt();
        var first = roots[0].clone();
        var last = roots[-1].clone();
        var shares = ((roots - last) * (first / (first - last))).pow(2);
        var ratios = shares.narrow(0, 1, shares.shape[0] - 1) / shares.narrow(0, 0, shares.shape[0] - 1);
        return 1 - cat([shares.narrow(0, 0, 1), ratios], 0);
    }
}
