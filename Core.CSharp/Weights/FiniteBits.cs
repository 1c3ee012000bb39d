using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Recipes.Core.Weights;

/// <summary>
/// Finds infinities and NaNs in raw values: in the IEEE 754 formats these, and only these, have every bit of the
/// exponent set. Looking at the bits costs next to nothing beside reading them.
/// </summary>
internal static class FiniteBits
{
    /// <summary>Whether all values are finite. Types that are whole numbers always are.</summary>
    /// <param name="bytes">Whole values, little endian.</param>
    /// <param name="type">What they are.</param>
    public static bool All(ReadOnlySpan<byte> bytes, DType type) => type switch
    {
        DType.F16 => NoneSet<ushort>(bytes, 0x7c00),
        DType.BF16 => NoneSet<ushort>(bytes, 0x7f80),
        DType.F32 or DType.C64 => NoneSet(bytes, 0x7f800000u),
        DType.F64 => NoneSet(bytes, 0x7ff0000000000000ul),
        _ => true,
    };

    // Optimised at once: a model is read before the runtime would find out that this loop is worth it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool NoneSet<T>(ReadOnlySpan<byte> bytes, T exponent)
        where T : unmanaged, IBinaryInteger<T>
    {
        var values = MemoryMarshal.Cast<byte, T>(bytes);
        var wanted = new Vector<T>(exponent);
        var found = Vector<T>.Zero;
        var i = 0;
        for (; i <= values.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            found |= Vector.Equals(new Vector<T>(values[i..]) & wanted, wanted);
        }

        if (found != Vector<T>.Zero)
        {
            return false;
        }

        foreach (var value in values[i..])
        {
            if ((value & exponent) == exponent)
            {
                return false;
            }
        }

        return true;
    }
}
