using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>The noise and the diffusion times of a batch.</summary>
/// <param name="Noise">What the network shall find.</param>
/// <param name="Input">What is added to the latents; null for the same.</param>
/// <param name="Timesteps">[batch], int64.</param>
internal sealed record NoiseDraws(Tensor Noise, Tensor? Input, Tensor Timesteps)
{
    /// <summary>Draws them by the batch's key alone.</summary>
    /// <param name="draws">The batch's random numbers.</param>
    /// <param name="options">Checked.</param>
    /// <param name="shape">The latents' shape, [batch, channels, height, width].</param>
    /// <param name="times">Diffusion times of the schedule.</param>
    public static NoiseDraws Of(BatchDraws draws, NoiseOptions options, long[] shape, int times)
    {
        var noise = draws.Normal(BatchStream.Noise, shape);
        if (options.Offset > 0)
        {
            noise.add_(draws.Normal(BatchStream.Offset, [shape[0], shape[1], 1, 1]), options.Offset);
        }

        var input = options.Perturbation > 0
            ? noise.add(draws.Normal(BatchStream.Perturbation, shape), options.Perturbation)
            : null;
        var end = (options.LastTime ?? times - 1) + 1;
        return new NoiseDraws(noise, input, draws.Between(BatchStream.Timesteps, options.FirstTime, end, shape[0]));
    }
}
