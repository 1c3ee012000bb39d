using Recipes.Core.Training;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>
/// One orthogonal basis of each width, the same for everybody, of which every subject takes a share of its own: what
/// adapters on different shares change does not meet when they are added up (Po et al., "Orthogonal Adaptation for
/// Modular Customization of Diffusion Models", section 4).
/// </summary>
public static class SharedBasis
{
    private static readonly RandomStreams Streams = new("orthogonal adaptation");

    /// <summary>How many shares of a rank there are in a width.</summary>
    public static int Shares(long width, long rank) => (int)(width / rank);

    /// <summary>
    /// The rows of a share, [rank, width] in float32 on the CPU, each of length 1 and at right angles to the others and
    /// to those of other shares. A row depends on its place in the basis alone.
    /// </summary>
    /// <param name="width">Inputs of the layer; of a convolution those of its whole kernel.</param>
    /// <param name="rank">Rows.</param>
    /// <param name="share">Which share, from 1.</param>
    /// <exception cref="RecipesException">The width has no such share.</exception>
    public static Tensor Rows(long width, long rank, int share)
    {
        if (share < 1 || share > Shares(width, rank))
        {
            throw new RecipesException(
                "Lora.Share",
                $"share {share} of rank {rank} is not in a layer of {width} inputs, which has "
                    + $"{Shares(width, rank)} of them",
                $"Lower the rank, name a share from 1 to {Shares(width, rank)}, or leave such layers out.");
        }

        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var drawn = new List<Tensor>();
        for (var row = 0L; row < rank * share; row++)
        {
            using var generator = Streams.Generator($"width {width}", row);
            drawn.Add(randn(width, dtype: ScalarType.Float32, generator: generator).to(ScalarType.Float64));
        }

        // Column k of Q depends on the first k columns alone, so that shares fit whatever ranks they are cut with.
        var (q, _) = linalg.qr(stack(drawn).t());
        return q.t().narrow(0, rank * (share - 1), rank).to(ScalarType.Float32).contiguous().MoveToOuterDisposeScope();
    }
}
