using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>
/// Matrices of one width whose rows follow each other in memory, so that they are one matrix as well, without a copy.
/// </summary>
internal static class SideBySide
{
    /// <summary>
    /// All rows as one matrix [sum of rows, columns] of the same memory, outside the gradient; null where the matrices
    /// lie apart, as after a move to another device.
    /// </summary>
    /// <param name="matrices">[rows, columns] each.</param>
    public static Tensor? Whole(IReadOnlyList<Tensor> matrices)
    {
        if (!Fit(matrices))
        {
            return null;
        }

        var first = matrices[0];
        var (begin, next) = (Begin(first), first.storage_offset());
        foreach (var matrix in matrices)
        {
            // Neighbours by chance are of other allocations, over whose edge nothing may be read.
            if (!matrix.is_contiguous() || Begin(matrix) != begin || matrix.storage_offset() != next)
            {
                return null;
            }

            next += matrix.numel();
        }

        using var none = no_grad();
        using var plain = first.detach();
        var columns = first.shape[1];
        return plain.as_strided([matrices.Sum(matrix => matrix.shape[0]), columns], [columns, 1], first.storage_offset());
    }

    /// <summary>
    /// Moves matrices into one piece of memory, one behind the other: the same tensors with the same values. Nothing is
    /// done where they lie so, or differ in columns, type or device.
    /// </summary>
    /// <param name="matrices">[rows, columns] each.</param>
    public static void Lay(IReadOnlyList<Tensor> matrices)
    {
        using var none = no_grad();
        using var present = Whole(matrices);
        if (present is not null || !Fit(matrices))
        {
            return;
        }

        using var scope = NewDisposeScope();
        var whole = cat([.. matrices.Select(matrix => matrix.detach())], 0);
        var at = 0L;
        foreach (var matrix in matrices)
        {
            matrix.set_(whole.narrow(0, at, matrix.shape[0]));
            at += matrix.shape[0];
        }
    }

    private static bool Fit(IReadOnlyList<Tensor> matrices)
    {
        var first = matrices[0];
        return matrices.All(matrix => matrix.dim() == 2
            && matrix.shape[1] == first.shape[1]
            && matrix.dtype == first.dtype
            && matrix.device_type == first.device_type
            && matrix.device_index == first.device_index);
    }

    /// <summary>Where the memory begins that a tensor is a part of.</summary>
    private static long Begin(Tensor tensor) =>
        KernelArgument.Of(tensor) - (tensor.storage_offset() * tensor.element_size());
}
