namespace Recipes.Core.Imaging.Annotators;

/// <summary>Reads lines from the maps of M-LSD.</summary>
internal static class LineSegments
{
    /// <summary>
    /// Each cell whose score is high enough is the middle of a line from (cell + first offset) to (cell + second
    /// offset); cells are two pixels wide.
    /// </summary>
    /// <param name="scores">side x side values.</param>
    /// <param name="offsets">side x side x (dx1, dy1, dx2, dy2), in cells.</param>
    /// <param name="side">Cells in a row.</param>
    /// <param name="least">The least score.</param>
    /// <param name="most">The most lines, the surest first.</param>
    /// <param name="shortest">The least length, in pixels.</param>
    /// <returns>Lines in pixels, the surest first.</returns>
    public static IReadOnlyList<LineSegment> Decode(
        ReadOnlySpan<float> scores, ReadOnlySpan<float> offsets, int side, float least, int most, float shortest)
    {
        var cells = new List<(float Score, int Cell)>();
        for (var cell = 0; cell < side * side; cell++)
        {
            if (scores[cell] > least)
            {
                cells.Add((scores[cell], cell));
            }
        }

        var lines = new List<LineSegment>();
        var surest = cells.OrderByDescending(found => found.Score).ThenBy(found => found.Cell).Take(most);
        foreach (var (score, cell) in surest)
        {
            var (y, x) = Math.DivRem(cell, side);
            var offset = offsets.Slice(cell * 4, 4);
            var line = new LineSegment(
                2 * (x + offset[0]), 2 * (y + offset[1]), 2 * (x + offset[2]), 2 * (y + offset[3]), score);
            if (line.Length >= shortest)
            {
                lines.Add(line);
            }
        }

        return lines;
    }
}
