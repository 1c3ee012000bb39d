namespace Recipes.Core.Kernels;

/// <summary>
/// The counter-based generator Philox4x32-10 (Salmon et al. 2011, "Parallel Random Numbers: As Easy as 1, 2, 3"): key and
/// counter alone decide a draw, so that the same number can be drawn again anywhere, in any order, by any number of
/// threads. The kernels have the same function.
/// </summary>
internal static class Philox
{
    private const uint FirstFactor = 0xD2511F53;
    private const uint SecondFactor = 0xCD9E8D57;
    private const uint FirstStep = 0x9E3779B9;
    private const uint SecondStep = 0xBB67AE85;
    private const int Rounds = 10;

    // Work of a thread at least, in draws.
    private const int Share = 1 << 12;

    /// <summary>Four words of 32 random bits.</summary>
    public static (uint A, uint B, uint C, uint D) Draw(ulong key, uint first, uint second, uint third, uint fourth)
    {
        var (low, high) = ((uint)key, (uint)(key >> 32));
        for (var round = 0; round < Rounds; round++)
        {
            var a = (ulong)FirstFactor * first;
            var b = (ulong)SecondFactor * third;
            (first, second, third, fourth) =
                ((uint)(b >> 32) ^ second ^ low, (uint)b, (uint)(a >> 32) ^ fourth ^ high, (uint)a);
            low += FirstStep;
            high += SecondStep;
        }

        return (first, second, third, fourth);
    }

    /// <summary>
    /// Draws for so many elements, on several threads: the draw of elements 4i to 4i + 3 is the one whose counter is
    /// i, <paramref name="second"/>, <paramref name="third"/>, 0.
    /// </summary>
    /// <param name="key">The stream.</param>
    /// <param name="second">The counter's second word.</param>
    /// <param name="third">The counter's third word.</param>
    /// <param name="count">Elements.</param>
    /// <param name="take">The first element of four, and the four words.</param>
    public static void Draws(ulong key, uint second, uint third, int count, Action<int, uint, uint, uint, uint> take)
    {
        var draws = (count + 3) / 4;
        if (draws <= Share)
        {
            Some(0, draws);
            return;
        }

        Parallel.For(0, (draws + Share - 1) / Share, share => Some(share * Share, Math.Min(draws, (share + 1) * Share)));

        void Some(int from, int to)
        {
            for (var draw = from; draw < to; draw++)
            {
                var (a, b, c, d) = Draw(key, (uint)draw, second, third, 0);
                take(4 * draw, a, b, c, d);
            }
        }
    }
}
