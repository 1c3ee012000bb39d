using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>
/// Maps a large image piece by piece. Tiles lie three quarters of their side apart and are blended linearly where
/// they overlap, each with the one above and then with the one to its left, as the reference's autoencoder does.
/// </summary>
internal static class VaeTiles
{
    /// <summary>What part of a tile is shared with the next.</summary>
    private const long OverlapDivisor = 4;

    /// <param name="input">[batch, channels, height, width]; the sides are multiples of <paramref name="inScale"/>.</param>
    /// <param name="tile">Side of a tile, in latent positions.</param>
    /// <param name="inScale">Positions of the input for each latent position.</param>
    /// <param name="outScale">Positions of the output for each latent position.</param>
    /// <param name="map">Maps one tile, [batch, channels, h, w], to its output.</param>
    public static Tensor Map(Tensor input, long tile, long inScale, long outScale, Func<Tensor, Tensor> map)
    {
        using var scope = NewDisposeScope();
        var overlap = tile / OverlapDivisor;
        var stride = tile - overlap;
        var strips = new List<Tensor>();
        var above = new List<Tensor>();
        for (long y = 0; y < input.shape[2]; y += stride * inScale)
        {
            var row = new List<Tensor>();
            for (long x = 0; x < input.shape[3]; x += stride * inScale)
            {
                var mapped = Piece(input, y, x, tile * inScale, map);
                mapped = y == 0 ? mapped : Blend(above[row.Count], mapped, overlap * outScale, 2);
                row.Add(x == 0 ? mapped : Blend(row[^1], mapped, overlap * outScale, 3));
            }

            strips.Add(cat([.. row.Select(done => Corner(done, stride * outScale))], 3));
            above.ForEach(done => done.Dispose());
            above = row;
        }

        return cat(strips, 2).MoveToOuterDisposeScope();
    }

    private static Tensor Piece(Tensor input, long y, long x, long side, Func<Tensor, Tensor> map)
    {
        using var scope = NewDisposeScope();
        var rows = input.narrow(2, y, Math.Min(side, input.shape[2] - y));
        return map(rows.narrow(3, x, Math.Min(side, input.shape[3] - x))).MoveToOuterDisposeScope();
    }

    /// <summary>The part of a tile that the next ones do not cover.</summary>
    private static Tensor Corner(Tensor tile, long side) =>
        tile.narrow(2, 0, Math.Min(side, tile.shape[2])).narrow(3, 0, Math.Min(side, tile.shape[3]));

    /// <summary>
    /// The second tile, faded in over its first positions from the last ones of the first. Frees what it was given
    /// of the second.
    /// </summary>
    private static Tensor Blend(Tensor first, Tensor second, long extent, int dimension)
    {
        var length = first.shape[dimension];
        extent = Math.Min(extent, Math.Min(length, second.shape[dimension]));
        if (extent == 0)
        {
            return second;
        }

        using var scope = NewDisposeScope();
        var weight = arange(extent, dtype: ScalarType.Float32, device: second.device).div_(extent).to_type(second.dtype);
        weight = dimension == 2 ? weight.unsqueeze(1) : weight;
        var faded = lerp(first.narrow(dimension, length - extent, extent), second.narrow(dimension, 0, extent), weight);
        var rest = second.narrow(dimension, extent, second.shape[dimension] - extent);
        var blended = cat([faded, rest], dimension).MoveToOuterDisposeScope();
        second.Dispose();
        return blended;
    }
}
