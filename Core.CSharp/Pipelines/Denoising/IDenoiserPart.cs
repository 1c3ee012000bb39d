using Recipes.Core.Networks;
using static TorchSharp.torch;

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

    /// <summary>
    /// The networks the part asks, for recordings that another drawing uses again; null where none may.
    /// </summary>
    IReadOnlyList<nn.Module>? Networks => null;

    /// <summary>What recordings have fixed of the part, its networks aside.</summary>
    string Fixed => "";

    /// <summary>Tensors that recordings read and another drawing's part fills.</summary>
    IReadOnlyList<Tensor> Read => [];
}
