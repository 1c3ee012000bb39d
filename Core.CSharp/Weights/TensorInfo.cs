namespace Recipes.Core.Weights;

/// <summary>One tensor as a safetensors header states it.</summary>
/// <param name="Name">Its key.</param>
/// <param name="DType">The type of its elements.</param>
/// <param name="Shape">Its dimensions; empty for a scalar.</param>
/// <param name="Begin">Its first byte, counted from the end of the header.</param>
/// <param name="End">The byte after its last.</param>
public sealed record TensorInfo(string Name, DType DType, long[] Shape, long Begin, long End)
{
    /// <summary>Bytes of the tensor.</summary>
    public long Length => End - Begin;

    /// <summary>How many elements it has; 1 for a scalar.</summary>
    public long Count => Length / DType.Size();

    /// <summary>The shape as messages print it.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";
}
