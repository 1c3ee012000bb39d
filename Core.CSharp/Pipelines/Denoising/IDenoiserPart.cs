namespace Recipes.Core.Pipelines.Denoising;

/// <summary>
/// Something that has a say in what the UNet is asked: further channels, or residuals of another network. Parts are
/// asked in order, each with what the one before made.
/// </summary>
internal interface IDenoiserPart
{
    /// <summary>The input changed, or as it is. New tensors belong to the evaluation, and are freed after it.</summary>
    DenoiserInput Extend(DenoiserInput input);
}
