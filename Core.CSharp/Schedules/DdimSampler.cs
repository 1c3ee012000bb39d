using static TorchSharp.torch;

namespace Recipes.Core.Schedules;

/// <summary>Denoising diffusion implicit models (Song et al. 2021, equations 12 and 16).</summary>
public sealed class DdimSampler : ISampler
{
    /// <param name="config">The model's noise; fields it leaves out have the reference implementation's values.</param>
    /// <param name="eta">0 adds no noise on the way; 1 adds as much as training's own posterior has.</param>
    public DdimSampler(SchedulerConfig config, double eta = 0)
    {
        if (eta is not (>= 0 and <= 1))
        {
            throw new RecipesException("DDIM", $"eta is {eta}", "Give a number from 0 to 1.");
        }

        Config = config;
        Eta = eta;
    }

    /// <summary>The model's noise.</summary>
    public SchedulerConfig Config { get; }

    /// <summary>How much noise is added on the way, 0 to 1.</summary>
    public double Eta { get; }

    /// <summary>The timesteps of a way of so many steps, falling.</summary>
    public long[] Timesteps(int steps) =>
        Spacing.Timesteps(Config, Config.TimestepSpacing ?? TimestepSpacing.Leading, steps);

    /// <inheritdoc/>
    public ISampling Begin(int steps) => new Sampling(this, Timesteps(steps));

    private sealed class Sampling(DdimSampler sampler, long[] timesteps) : ISampling
    {
        private readonly NoiseSchedule schedule = new(sampler.Config);
        private readonly SchedulerConfig config = sampler.Config;

        public IReadOnlyList<double> Timesteps { get; } = [.. timesteps.Select(timestep => (double)timestep)];

        public int Order => 1;

        public double InitialSigma => 1;

        public Tensor ScaleInput(Tensor sample, int index) => sample.alias();

        public Tensor Step(Tensor modelOutput, int index, Tensor sample, NoiseSource? noise)
        {
            using var scope = NewDisposeScope();
            var timestep = timesteps[index];
            var before = timestep - schedule.Count / timesteps.Length;
            var alpha = schedule.Alpha(timestep);
            var last = config.SetAlphaToOne ?? true ? 1 : schedule.Alpha(0);
            var alphaBefore = before >= 0 ? schedule.Alpha(before) : last;
            var (clean, epsilon) = Predictions(modelOutput, sample, MathF.Sqrt(alpha), MathF.Sqrt(1 - alpha));
            if (config.ClipSample ?? true)
            {
                clean = clean.clamp(-config.ClipSampleRange, config.ClipSampleRange);
            }

            var variance = (1 - alphaBefore) / (1 - alpha) * (1 - alpha / alphaBefore);
            var deviation = (float)sampler.Eta * MathF.Sqrt(variance);
            var direction = MathF.Sqrt(Math.Max(0, 1 - alphaBefore - deviation * deviation));
            var next = clean.mul(MathF.Sqrt(alphaBefore)).add_(epsilon, direction);
            if (sampler.Eta > 0)
            {
                var source = noise ?? throw new ArgumentNullException(nameof(noise), "DDIM with eta draws noise");
                next.add_(source.Normal(next.shape, next.device, next.dtype), deviation);
            }

            return next.MoveToOuterDisposeScope();
        }

        public Tensor AddNoise(Tensor clean, Tensor noise, int index)
        {
            using var scope = NewDisposeScope();
            var alpha = schedule.Alpha(timesteps[index]);
            return clean.mul(MathF.Sqrt(alpha)).add_(noise, MathF.Sqrt(1 - alpha)).MoveToOuterDisposeScope();
        }

        public void Dispose() => schedule.Dispose();

        /// <summary>The clean sample and the noise that the model's answer means.</summary>
        private (Tensor Clean, Tensor Epsilon) Predictions(Tensor output, Tensor sample, float signal, float rest) =>
            config.PredictionType switch
            {
                PredictionType.Epsilon => (sample.add(output, -rest).div_(signal), output),
                PredictionType.Velocity => (
                    sample.mul(signal).add_(output, -rest), output.mul(signal).add_(sample, rest)),
                _ => (output, sample.add(output, -signal).div_(rest)),
            };
    }
}
