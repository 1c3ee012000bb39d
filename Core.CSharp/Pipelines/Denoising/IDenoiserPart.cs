using Recipes.Core.Networks;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// Something that has a say in what the UNet is asked: further channels, or residuals of another network. Parts are
/// asked in order, each with what the one before made.
/// </summary>
internal interface IDenoiserPart
{
    /// <summary>The input changed, or as it is. New tensors belong to the evaluation, and are freed after it.</summary>
    DenoiserInput Extend(DenoiserInput input);

    /// <summary>
    /// Computes ahead what the part keeps over all evaluations.
    /// </summary>
    /// <returns>Whether nothing is left to be kept at the first evaluation.</returns>
    bool Keep(TextContext context) => true;

    /// <summary>
    /// Tells evaluations apart at which the part does something else than at others: those of one answer run the same
    /// operations on the same memory, the input's tensors aside.
    /// </summary>
    string Variant(int index, int start, int count) => "";
}
