using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Schedules;

/// <summary>
/// Standard normal noise drawn on the CPU in float32, so that it is the same on every device: from one generator for
/// a whole batch, or from one for each image, so that an image does not depend on its neighbours.
/// </summary>
public sealed class NoiseSource : IDisposable
{
    private readonly IReadOnlyList<Generator> generators;

    /// <param name="generators">One, or as many as the batch has images. They become this object's own.</param>
    public NoiseSource(params IReadOnlyList<Generator> generators)
    {
        if (generators.Count == 0)
        {
            throw new ArgumentException("a source of noise needs a generator", nameof(generators));
        }

        this.generators = generators;
    }

    /// <summary>One generator for each image.</summary>
    /// <param name="seeds">One for each image.</param>
    public static NoiseSource PerImage(IEnumerable<ulong> seeds) =>
        new([.. seeds.Select(seed => new Generator(seed, CPU))]);

    /// <summary>Whether one generator draws for all images.</summary>
    public bool IsShared => generators.Count == 1;

    /// <summary>Noise of a shape, [images, ..].</summary>
    public Tensor Normal(long[] shape, Device device, ScalarType dtype)
    {
        if (generators.Count > 1 && generators.Count != shape[0])
        {
            throw new ArgumentException($"{generators.Count} generators cannot draw {shape[0]} images", nameof(shape));
        }

        using var scope = NewDisposeScope();
        long[] one = [1, .. shape[1..]];
        var noise = generators.Count == 1
            ? randn(shape, dtype: ScalarType.Float32, generator: generators[0])
            : cat([.. generators.Select(generator => randn(one, dtype: ScalarType.Float32, generator: generator))], 0);
        return HostTensors.Send(noise.to_type(dtype), device).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var generator in generators)
        {
            generator.Dispose();
        }
    }
}
