namespace Recipes.Core.Weights;

/// <summary>
/// The element types of the safetensors format that this reader knows, in the order by which the reference writer
/// sorts tensors (the last first, so that wide elements stay aligned).
/// </summary>
public enum DType
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>Unsigned, 8 bits.</summary>
    U8,

    /// <summary>Signed, 8 bits.</summary>
    I8,

    /// <summary>Floating point, 5 bits of exponent and 2 of mantissa.</summary>
    F8E5M2,

    /// <summary>Floating point, 4 bits of exponent and 3 of mantissa.</summary>
    F8E4M3,

    /// <summary>Signed, 16 bits.</summary>
    I16,

    /// <summary>Unsigned, 16 bits.</summary>
    U16,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>The upper half of a float32.</summary>
    BF16,

    /// <summary>Signed, 32 bits.</summary>
    I32,

    /// <summary>Unsigned, 32 bits.</summary>
    U32,

    /// <summary>IEEE single precision.</summary>
    F32,

    /// <summary>Two float32: real and imaginary part.</summary>
    C64,

    /// <summary>IEEE double precision.</summary>
    F64,

    /// <summary>Signed, 64 bits.</summary>
    I64,

    /// <summary>Unsigned, 64 bits.</summary>
    U64,
}

/// <summary>Names and sizes of <see cref="DType"/>.</summary>
public static class DTypes
{
    private static readonly (string Name, int Size)[] Table =
    [
        ("BOOL", 1), ("U8", 1), ("I8", 1), ("F8_E5M2", 1), ("F8_E4M3", 1), ("I16", 2), ("U16", 2), ("F16", 2),
        ("BF16", 2), ("I32", 4), ("U32", 4), ("F32", 4), ("C64", 8), ("F64", 8), ("I64", 8), ("U64", 8),
    ];

    /// <summary>Bytes of one element.</summary>
    public static int Size(this DType type) => Table[(int)type].Size;

    /// <summary>The name in a file's header.</summary>
    public static string HeaderName(this DType type) => Table[(int)type].Name;

    /// <summary>The type of that name in a header; false where there is none.</summary>
    public static bool TryParse(string name, out DType type)
    {
        var index = Array.FindIndex(Table, row => row.Name == name);
        type = index < 0 ? default : (DType)index;
        return index >= 0;
    }

    /// <summary>All names, for messages.</summary>
    public static string All => string.Join(", ", Table.Select(row => row.Name));
}
