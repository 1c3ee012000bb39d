namespace Recipes.Core.Imaging.Annotators;

/// <summary>Lines of straight parts.</summary>
internal static class Polyline
{
    /// <summary>
    /// As few of the points as keep every other one within <paramref name="tolerance"/> pixels of the line (Douglas and
    /// Peucker 1973).
    /// </summary>
    public static IReadOnlyList<(int X, int Y)> Simplify(IReadOnlyList<(int X, int Y)> points, double tolerance)
    {
        if (points.Count < 3)
        {
            return points;
        }

        var kept = new bool[points.Count];
        (kept[0], kept[^1]) = (true, true);
        var open = new Stack<(int From, int To)>([(0, points.Count - 1)]);
        while (open.TryPop(out var part))
        {
            var (farthest, distance) = (part.From, 0.0);
            for (var i = part.From + 1; i < part.To; i++)
            {
                var found = Distance(points[i], points[part.From], points[part.To]);
                if (found > distance)
                {
                    (farthest, distance) = (i, found);
                }
            }

            if (distance > tolerance)
            {
                kept[farthest] = true;
                open.Push((part.From, farthest));
                open.Push((farthest, part.To));
            }
        }

        return [.. points.Where((_, i) => kept[i])];
    }

    /// <summary>Of a point from the straight part between two others.</summary>
    private static double Distance((int X, int Y) point, (int X, int Y) from, (int X, int Y) to)
    {
        double dx = to.X - from.X, dy = to.Y - from.Y;
        var square = (dx * dx) + (dy * dy);
        var along = square == 0
            ? 0
            : Math.Clamp((((point.X - from.X) * dx) + ((point.Y - from.Y) * dy)) / square, 0, 1);
        return Math.Sqrt(
            Math.Pow(point.X - from.X - (along * dx), 2) + Math.Pow(point.Y - from.Y - (along * dy), 2));
    }
}
