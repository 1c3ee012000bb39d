namespace Recipes.Core.Imaging.Annotators;

/// <summary>Turns edges one pixel wide into chains of neighbouring pixels.</summary>
internal static class EdgeTracer
{
    // Straight neighbours before slanted ones, so that corners are followed rather than cut.
    private static readonly (int X, int Y)[] Neighbours =
        [(1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (-1, -1), (1, -1)];

    /// <summary>Every edge once: lines from one end to the other, then what has no end.</summary>
    public static IEnumerable<IReadOnlyList<(int X, int Y)>> Trace(EdgeMap edges)
    {
        var open = new bool[edges.Width, edges.Height];
        for (var y = 0; y < edges.Height; y++)
        {
            for (var x = 0; x < edges.Width; x++)
            {
                open[x, y] = edges[x, y];
            }
        }

        foreach (var most in new[] { 1, int.MaxValue })
        {
            for (var y = 0; y < edges.Height; y++)
            {
                for (var x = 0; x < edges.Width; x++)
                {
                    if (open[x, y] && Around(open, x, y).Count() <= most)
                    {
                        yield return Follow(open, x, y);
                    }
                }
            }
        }
    }

    private static List<(int X, int Y)> Follow(bool[,] open, int x, int y)
    {
        var chain = new List<(int X, int Y)>();
        for ((int X, int Y)? at = (x, y); at is { } pixel; at = Next(open, chain))
        {
            chain.Add(pixel);
            open[pixel.X, pixel.Y] = false;
        }

        return chain;
    }

    /// <summary>The neighbour that goes on most nearly in the direction of the last few pixels.</summary>
    private static (int X, int Y)? Next(bool[,] open, List<(int X, int Y)> chain)
    {
        var (x, y) = chain[^1];
        var (backX, backY) = chain[Math.Max(0, chain.Count - 5)];
        (int X, int Y)? best = null;
        var most = double.NegativeInfinity;
        foreach (var (nextX, nextY) in Around(open, x, y))
        {
            var (dx, dy) = (nextX - x, nextY - y);
            var along = ((dx * (x - backX)) + (dy * (y - backY))) / Math.Sqrt((dx * dx) + (dy * dy));
            if (along > most)
            {
                (most, best) = (along, (nextX, nextY));
            }
        }

        return best;
    }

    private static IEnumerable<(int X, int Y)> Around(bool[,] open, int x, int y)
    {
        foreach (var (dx, dy) in Neighbours)
        {
            var (nextX, nextY) = (x + dx, y + dy);
            if (nextX >= 0 && nextX < open.GetLength(0) && nextY >= 0 && nextY < open.GetLength(1)
                && open[nextX, nextY])
            {
                yield return (nextX, nextY);
            }
        }
    }
}
