using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// Limits the joint norm of all gradients (Pascanu et al., "On the difficulty of training recurrent neural networks").
/// </summary>
public static class GradientClipping
{
    /// <summary>
    /// Scales all gradients by min(1, limit / (norm + 1e-6)), where norm is the root of the sum of all their squares.
    /// </summary>
    /// <param name="gradients">Any shapes, on one device; changed in place.</param>
    /// <param name="limit">The greatest norm left; more than 0, infinity to measure only.</param>
    /// <returns>The norm before scaling, a float32 scalar on the gradients' device, not yet waited for.</returns>
    /// <exception cref="RecipesException">No gradients, or a limit that is not more than 0.</exception>
    public static Tensor ClipByNorm(Tensor[] gradients, double limit)
    {
        if (!(limit > 0))
        {
            throw new RecipesException(
                "Gradient clipping",
                $"the limit is {limit}",
                "Set a limit above 0, or leave clipping out.");
        }

        if (gradients.Length == 0)
        {
            throw new RecipesException(
                "Gradient clipping",
                "no parameter has a gradient",
                "Run the backward pass first, and train parameters that the loss depends on.");
        }

        return TensorLists.Clip(gradients, limit);
    }

    /// <summary>The joint norm of gradients, a float32 scalar on their device; nothing is changed.</summary>
    internal static Tensor Norm(Tensor[] gradients) => TensorLists.Norm(gradients);

    /// <inheritdoc cref="ClipByNorm(Tensor[], double)"/>
    public static Tensor ClipByNorm(IReadOnlyList<Parameter> parameters, double limit) =>
        ClipByNorm([.. parameters.Select(parameter => parameter.grad).OfType<Tensor>()], limit);
}
