using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>
/// Random numbers that a key and a stream alone decide (<see cref="Philox"/>), drawn on a CUDA device by its own kernel,
/// elsewhere by the host: the same numbers, normal ones up to the last bits of logarithm, sine and cosine.
/// </summary>
internal static class RandomNumbers
{
    private const int Threads = 128;

    // A counter word that dropout, which draws by the same keys, has at 0.
    private const uint Mark = 1;

    private const float Unit = 1f / (1 << 24);

    /// <summary>Standard normal numbers, float32 where the key lies.</summary>
    /// <param name="key">One int64; it may change between replays of a graph.</param>
    /// <param name="stream">Tells the uses of a key apart.</param>
    /// <param name="shape">Of the numbers.</param>
    public static Tensor Normal(Tensor key, int stream, long[] shape)
    {
        using var none = no_grad();
        if (OnDevice(key))
        {
            var made = empty(shape, ScalarType.Float32, key.device);
            Launch("random_normal", made, key, stream);
            return made;
        }

        var numbers = new float[shape.Aggregate(1L, (count, size) => count * size)];
        Philox.Draws(Read(key), (uint)stream, Mark, numbers.Length, (at, a, b, c, d) =>
        {
            Pair(numbers, at, a, b);
            Pair(numbers, at + 2, c, d);
        });
        return tensor(numbers, shape).to(key.device);
    }

    /// <summary>Whole numbers, each as likely, [count], int64 where the key lies.</summary>
    /// <param name="key">One int64; it may change between replays of a graph.</param>
    /// <param name="stream">Tells the uses of a key apart.</param>
    /// <param name="first">The least.</param>
    /// <param name="end">One more than the greatest.</param>
    /// <param name="count">How many.</param>
    public static Tensor Between(Tensor key, int stream, long first, long end, long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(first, end);
        using var none = no_grad();
        var span = checked((uint)(end - first));
        if (OnDevice(key))
        {
            var made = empty(count, ScalarType.Int64, key.device);
            Launch("random_below", made, key, stream, span, checked((uint)first));
            return made;
        }

        var numbers = new long[count];
        Philox.Draws(Read(key), (uint)stream, Mark, numbers.Length, (at, a, b, c, d) =>
        {
            ReadOnlySpan<uint> words = [a, b, c, d];
            for (var i = 0; i < words.Length && at + i < numbers.Length; i++)
            {
                numbers[at + i] = first + (long)(((ulong)words[i] * span) >> 32);
            }
        });
        return tensor(numbers).to(key.device);
    }

    /// <summary>Two numbers of a pair of words (Box and Muller 1958), the second where there is room.</summary>
    private static void Pair(float[] to, int at, uint first, uint second)
    {
        if (at >= to.Length)
        {
            return;
        }

        var even = ((first >> 8) + 0.5f) * Unit;
        var radius = MathF.Sqrt(-2 * MathF.Log(even));
        var (sine, cosine) = float.SinCosPi((second >> 8) * (2 * Unit));
        to[at] = radius * cosine;
        if (at + 1 < to.Length)
        {
            to[at + 1] = radius * sine;
        }
    }

    private static bool OnDevice(Tensor key) => key.device_type == DeviceType.CUDA && Fused.Available;

    private static ulong Read(Tensor key)
    {
        using var here = key.cpu();
        return unchecked((ulong)here.item<long>());
    }

    private static void Launch(string kernel, Tensor to, Tensor key, int stream, params ReadOnlySpan<long> further)
    {
        var draws = (to.numel() + 3) / 4;
        Fused.Library.Launch(
            kernel,
            (checked((int)((draws + Threads - 1) / Threads)), 1),
            (Threads, 1),
            0,
            [KernelArgument.Of(to), KernelArgument.Of(key), to.numel(), stream, .. further]);
    }
}
