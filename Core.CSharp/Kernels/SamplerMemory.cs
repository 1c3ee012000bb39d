using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>
/// Where <see cref="SamplerKernel"/> finds and leaves all of a drawing, at fixed places for recordings. Owned by whoever
/// made it.
/// </summary>
/// <param name="Slots">[slots, images, channels, height, width], float32; the first is the sample.</param>
/// <param name="Fresh">New noise, [images, channels, height, width], float32.</param>
/// <param name="Table">A row for each step, float32: the matrix, the next input's factor, the next timestep.</param>
/// <param name="Row">The step to take, int64 [1].</param>
/// <param name="Input">What the network gets, [images or 2 · images, channels, height, width], of its type.</param>
/// <param name="Timestep">What it is told, float32 [1].</param>
internal sealed record SamplerMemory(
    Tensor Slots, Tensor Fresh, Tensor Table, Tensor Row, Tensor Input, Tensor Timestep) : IDisposable
{
    /// <summary>How many slots there are.</summary>
    public int Number => (int)Slots.shape[0];

    /// <summary>How many times the network gets every image.</summary>
    public int Copies => (int)(Input.shape[0] / Slots.shape[1]);

    /// <summary>Memory of zeros, outside all dispose scopes.</summary>
    /// <param name="like">Latents, [images, channels, height, width].</param>
    /// <param name="slots">How many slots.</param>
    /// <param name="copies">How many times the network gets every image.</param>
    /// <param name="rows">Most steps.</param>
    /// <param name="width">Numbers of a row.</param>
    /// <param name="type">The network's type.</param>
    public static SamplerMemory Of(Tensor like, int slots, int copies, int rows, int width, ScalarType type)
    {
        var (shape, device) = (like.shape, like.device);
        return new(
            Zeros(ScalarType.Float32, [slots, .. shape]),
            Zeros(ScalarType.Float32, shape),
            Zeros(ScalarType.Float32, rows, width),
            Zeros(ScalarType.Int64, 1),
            Zeros(type, [copies * shape[0], .. shape[1..]]),
            Zeros(ScalarType.Float32, 1));

        Tensor Zeros(ScalarType dtype, params long[] size) =>
            zeros(size, dtype, device).DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Slots.Dispose();
        Fresh.Dispose();
        Table.Dispose();
        Row.Dispose();
        Input.Dispose();
        Timestep.Dispose();
    }
}
