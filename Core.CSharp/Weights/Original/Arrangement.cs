namespace Recipes.Core.Weights.Original;

/// <summary>How a tensor of the diffusers layout lies in the tensor of an original checkpoint.</summary>
internal enum Arrangement
{
    /// <summary>The same shape and values.</summary>
    Same,

    /// <summary>The map [out, in] as a 1x1 convolution [out, in, 1, 1].</summary>
    Convolution,

    /// <summary>[out, in] as [in, out].</summary>
    Transposed,

    /// <summary>The first third of the rows: the query's of OpenCLIP's joint projection.</summary>
    FirstThird,

    /// <summary>The second third of the rows: the key's.</summary>
    SecondThird,

    /// <summary>The last third of the rows: the value's.</summary>
    LastThird,
}

/// <summary>Shapes of <see cref="Arrangement"/>s.</summary>
internal static class Arrangements
{
    /// <summary>Which third of the rows it is, 0 to 2; null for a whole tensor.</summary>
    public static int? Third(this Arrangement how) => how switch
    {
        Arrangement.FirstThird => 0,
        Arrangement.SecondThird => 1,
        Arrangement.LastThird => 2,
        _ => null,
    };

    /// <summary>
    /// The shape in the diffusers layout of what has the shape <paramref name="stored"/> in the file. What cannot be so
    /// arranged keeps its shape, so that the mismatch is reported where it is used.
    /// </summary>
    public static long[] Shape(this Arrangement how, long[] stored) => how switch
    {
        Arrangement.Convolution when stored is [var output, var input, 1, 1] => [output, input],
        Arrangement.Transposed when stored is [var input, var output] => [output, input],
        >= Arrangement.FirstThird when stored.Length > 0 && stored[0] % 3 == 0 => [stored[0] / 3, .. stored[1..]],
        _ => stored,
    };
}
