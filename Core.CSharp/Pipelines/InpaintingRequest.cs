using static TorchSharp.torch;

namespace Recipes.Core.Pipelines;

/// <summary>Which holes of which pictures to fill, and how.</summary>
public sealed record InpaintingRequest : PictureRequest
{
    /// <summary>
    /// [n, 1, height, width], 0 to 1, as MaskTensor.FromImages gives them: from 0.5 on a hole. As many as pictures, or
    /// one for all. Not owned.
    /// </summary>
    public required Tensor Masks { get; init; }

    /// <inheritdoc/>
    /// <remarks>At 1 nothing is left of what was in the hole.</remarks>
    public override double Strength { get; init; } = 1;

    internal override string Name => "Inpainting";

    /// <inheritdoc/>
    internal override void Check()
    {
        base.Check();
        long[] wanted = [1, .. Pictures.shape[2..]];
        Require(
            Masks.dim() == 4 && Masks.shape[1..].SequenceEqual(wanted),
            $"the masks are [{string.Join(", ", Masks.shape)}], not [n, {string.Join(", ", wanted)}]",
            "Give masks of one channel and of the pictures' size.");
        RequireRows(Masks, "masks");
        RequireWithin(Masks, 0, "masks");
    }
}
