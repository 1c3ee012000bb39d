namespace Recipes.Eval.Metrics;

/// <summary>
/// The draws of <c>numpy.random.RandomState(seed)</c>: MT19937 (Matsumoto and Nishimura 1998) with masked rejection, so
/// that subsets are those of the tools that draw with it.
/// </summary>
internal sealed class NumpyRandom
{
    private const int Size = 624;
    private const int Offset = 397;

    private readonly uint[] _state = new uint[Size];
    private int _next = Size;

    public NumpyRandom(uint seed)
    {
        _state[0] = seed;
        for (var i = 1u; i < Size; i++)
        {
            _state[i] = (1812433253u * (_state[i - 1] ^ (_state[i - 1] >> 30))) + i;
        }
    }

    /// <summary><c>permutation(count)</c>.</summary>
    public int[] Permutation(int count)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        for (var i = count - 1; i > 0; i--)
        {
            var j = UpTo((uint)i);
            (order[i], order[j]) = (order[j], order[i]);
        }

        return order;
    }

    /// <summary><c>choice(count, size, replace=False)</c>.</summary>
    public int[] Choice(int count, int size) => Permutation(count)[..size];

    private int UpTo(uint most)
    {
        var mask = uint.MaxValue >> System.Numerics.BitOperations.LeadingZeroCount(most);
        while (true)
        {
            var value = Next() & mask;
            if (value <= most)
            {
                return (int)value;
            }
        }
    }

    private uint Next()
    {
        if (_next == Size)
        {
            Twist();
        }

        var y = _state[_next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C5680;
        y ^= (y << 15) & 0xEFC60000;
        return y ^ (y >> 18);
    }

    private void Twist()
    {
        for (var i = 0; i < Size; i++)
        {
            var y = (_state[i] & 0x80000000) | (_state[(i + 1) % Size] & 0x7FFFFFFF);
            _state[i] = _state[(i + Offset) % Size] ^ (y >> 1) ^ ((y & 1) == 0 ? 0 : 0x9908B0DFu);
        }

        _next = 0;
    }
}
