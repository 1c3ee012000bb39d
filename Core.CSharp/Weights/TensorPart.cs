using Recipes.Core.Weights.Original;

namespace Recipes.Core.Weights;

/// <summary>One of a network's tensors as it lies in a file.</summary>
/// <param name="File">The file.</param>
/// <param name="Name">The file's key.</param>
/// <param name="How">How it lies in the file's tensor.</param>
internal sealed record TensorPart(SafeTensorsFile File, string Name, Arrangement How)
{
    /// <summary>The shape that the network sees.</summary>
    public long[] Shape => How.Shape(File.Tensors[Name].Shape);

    /// <summary>The shape as messages print it.</summary>
    public string ShapeText => $"[{string.Join(", ", Shape)}]";
}
