using static TorchSharp.torch;

namespace Recipes.Core.Schedules;

/// <summary>
/// A way from noise to a sample. Settings only: what changes from step to step is in <see cref="ISampling"/>.
/// </summary>
public interface ISampler
{
    /// <summary>Starts a way of so many steps.</summary>
    /// <exception cref="RecipesException">So many steps cannot be taken.</exception>
    ISampling Begin(int steps);
}

/// <summary>
/// One way from noise to a sample. Steps are asked for in order, from any of them on: what earlier steps left is
/// forgotten when the next index is not the one after the last.
/// </summary>
public interface ISampling : IDisposable
{
    /// <summary>Evaluations of the model a step takes: a way that starts later starts at a multiple of it.</summary>
    int Order { get; }

    /// <summary>What the model is told at each of its evaluations, from noisy to clean.</summary>
    IReadOnlyList<double> Timesteps { get; }

    /// <summary>Noise over signal of the samples before each evaluation, and of the last sample.</summary>
    IReadOnlyList<double> Sigmas { get; }

    /// <summary>Standard deviation of the noise to start from.</summary>
    double InitialSigma { get; }

    /// <summary>What the model is given for a sample at an evaluation; a tensor of its own.</summary>
    Tensor ScaleInput(Tensor sample, int index);

    /// <summary>The sample after an evaluation, in its own type; half precision is computed in float32.</summary>
    /// <param name="modelOutput">The model's answer, of the sample's shape.</param>
    /// <param name="index">Counted in <see cref="Timesteps"/>.</param>
    /// <param name="sample">The sample before it, not scaled.</param>
    /// <param name="noise">Where samplers that add noise draw it.</param>
    Tensor Step(Tensor modelOutput, int index, Tensor sample, NoiseSource? noise);

    /// <summary>A clean sample with the noise that samples have before an evaluation; a tensor of its own.</summary>
    /// <param name="clean">Samples without noise.</param>
    /// <param name="noise">Standard normal, of the same shape.</param>
    /// <param name="index">Counted in <see cref="Timesteps"/>.</param>
    Tensor AddNoise(Tensor clean, Tensor noise, int index);
}
