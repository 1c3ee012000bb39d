using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>The random numbers of one batch, drawn on the CPU by its number alone.</summary>
/// <param name="streams">All random numbers.</param>
/// <param name="number">The batch's number.</param>
/// <param name="device">Where the numbers are needed.</param>
internal readonly struct BatchDraws(RandomStreams streams, long number, Device device)
{
    /// <summary>Standard normal numbers of a stream, float32.</summary>
    public Tensor Normal(string stream, long[] shape)
    {
        using var generator = streams.Generator(stream, number);
        return HostTensors.Send(randn(shape, dtype: ScalarType.Float32, generator: generator), device);
    }

    /// <summary>Whole numbers of a stream from 0 up to but not including <paramref name="end"/>, [count].</summary>
    public Tensor Below(string stream, long end, long count)
    {
        using var generator = streams.Generator(stream, number);
        return HostTensors.Send(randint(0, end, count, dtype: ScalarType.Int64, generator: generator), device);
    }
}
