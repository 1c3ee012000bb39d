namespace Recipes.Core.Imaging.Annotators;

/// <summary>Connected pixels of one value, slanted neighbours included.</summary>
internal static class Islands
{
    /// <summary>
    /// Gives every island of fewer than <paramref name="least"/> pixels the value that most of its neighbours have.
    /// </summary>
    /// <param name="values">height x width values, changed in place.</param>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="least">Pixels of the smallest island that stays.</param>
    public static void Sink(int[] values, int width, int least)
    {
        var seen = new bool[values.Length];
        for (var i = 0; i < values.Length; i++)
        {
            if (!seen[i])
            {
                var (island, shore) = Walk(values, seen, i, width);
                if (island.Count < least && shore.Count > 0)
                {
                    var around = shore.GroupBy(value => value).OrderByDescending(group => group.Count())
                        .ThenBy(group => group.Key).First().Key;
                    foreach (var pixel in island)
                    {
                        values[pixel] = around;
                    }
                }
            }
        }
    }

    /// <summary>The island of a pixel, and the values of the pixels around it, once for each touch.</summary>
    private static (List<int> Island, List<int> Shore) Walk(int[] values, bool[] seen, int start, int width)
    {
        var (island, shore) = (new List<int> { start }, new List<int>());
        seen[start] = true;
        for (var next = 0; next < island.Count; next++)
        {
            var (row, column) = Math.DivRem(island[next], width);
            for (var y = Math.Max(row - 1, 0); y <= Math.Min(row + 1, (values.Length / width) - 1); y++)
            {
                for (var x = Math.Max(column - 1, 0); x <= Math.Min(column + 1, width - 1); x++)
                {
                    var at = (y * width) + x;
                    if (values[at] != values[start])
                    {
                        shore.Add(values[at]);
                    }
                    else if (!seen[at])
                    {
                        seen[at] = true;
                        island.Add(at);
                    }
                }
            }
        }

        return (island, shore);
    }
}
