using Recipes.Core.Kernels;
using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>What a batch's key is drawn from for; each use has numbers of its own.</summary>
internal enum BatchStream
{
    /// <summary>The draw from the latents' distribution.</summary>
    Latents,

    /// <summary>Noise added to latents.</summary>
    Noise,

    /// <summary>Noise of whole channels.</summary>
    Offset,

    /// <summary>Further noise of the network's input.</summary>
    Perturbation,

    /// <summary>Diffusion times.</summary>
    Timesteps,

    /// <summary>Noise of an upscaler's small pictures.</summary>
    SmallPictures,

    /// <summary>Levels of that noise.</summary>
    NoiseLevels,
}

/// <summary>
/// The random numbers of one batch, drawn where they are needed by its key alone, so that a recorded step draws them
/// itself: the same on every device, up to rounding.
/// </summary>
/// <param name="key">One int64, on the device of the numbers.</param>
internal readonly struct BatchDraws(Tensor key)
{
    /// <summary>The key of a batch, which follows from its number alone.</summary>
    /// <param name="streams">All random numbers.</param>
    /// <param name="number">The batch's number.</param>
    /// <param name="device">Where the numbers are needed.</param>
    /// <param name="use">Tells batches of steps from others.</param>
    public static Tensor Key(RandomStreams streams, long number, Device device, string use = RandomStreams.Batches) =>
        HostTensors.Send(tensor(new[] { unchecked((long)streams.Seed(use, number)) }, dtype: ScalarType.Int64), device);

    /// <summary>Standard normal numbers, float32.</summary>
    public Tensor Normal(BatchStream stream, long[] shape) => RandomNumbers.Normal(key, (int)stream, shape);

    /// <summary>
    /// Whole numbers from <paramref name="first"/> up to but not including <paramref name="end"/>, [count], int64.
    /// </summary>
    public Tensor Between(BatchStream stream, long first, long end, long count) =>
        RandomNumbers.Between(key, (int)stream, first, end, count);
}
