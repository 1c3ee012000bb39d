using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>The noise and the diffusion times of a batch.</summary>
/// <param name="Noise">What the network shall find.</param>
/// <param name="Input">What is added to the latents; null for the same.</param>
/// <param name="Timesteps">[batch], int64.</param>
internal sealed record NoiseDraws(Tensor Noise, Tensor? Input, Tensor Timesteps)
{
    /// <summary>Draws them by the batch's number alone, each use from a stream of its own.</summary>
    /// <param name="draws">The batch's random numbers.</param>
    /// <param name="options">Checked.</param>
    /// <param name="shape">The latents' shape, [batch, channels, height, width].</param>
    /// <param name="times">Diffusion times of the schedule.</param>
    public static NoiseDraws Of(BatchDraws draws, NoiseOptions options, long[] shape, int times)
    {
        var noise = draws.Normal(RandomStreams.Noise, shape);
        if (options.Offset > 0)
        {
            noise.add_(draws.Normal($"{RandomStreams.Noise}/offset", [shape[0], shape[1], 1, 1]), options.Offset);
        }

        var input = options.Perturbation > 0
            ? noise.add(draws.Normal($"{RandomStreams.Noise}/input", shape), options.Perturbation)
            : null;
        var span = (options.LastTime ?? times - 1) + 1 - options.FirstTime;
        var timesteps = draws.Below(RandomStreams.Timesteps, span, shape[0]);
        return new NoiseDraws(noise, input, options.FirstTime == 0 ? timesteps : timesteps.add_(options.FirstTime));
    }
}
