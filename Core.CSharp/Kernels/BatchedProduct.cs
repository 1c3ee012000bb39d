using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>Several matrix products of the same shapes in one launch, into memory that need not be contiguous.</summary>
internal static class BatchedProduct
{
    // A wrong script ends the process: tests call this one. TorchSharp's own form of it writes a copy.
    private const string Script = """
        def add(y: Tensor, a: Tensor, b: Tensor, beta: float, alpha: float) -> Tensor:
            return y.baddbmm_(a, b, beta=beta, alpha=alpha)

        """;

    private static readonly Lazy<jit.CompilationUnit> Unit = new(() => jit.compile(Script));

    /// <summary>y = beta · y + alpha · a b, in place; with a beta of 0 it does not matter what y holds.</summary>
    /// <param name="y">[count, n, m].</param>
    /// <param name="a">[count, n, inner].</param>
    /// <param name="b">[count, inner, m].</param>
    /// <param name="beta">Of what is there.</param>
    /// <param name="alpha">Of the products.</param>
    public static void Add(Tensor y, Tensor a, Tensor b, double beta, double alpha)
    {
        // TorchSharp holds only the address of a number it makes itself, which a collection may free before it is read.
        using Scalar ofY = beta;
        using Scalar ofProduct = alpha;
        Unit.Value.invoke<Tensor>("add", y, a, b, ofY, ofProduct).Dispose();
    }
}
