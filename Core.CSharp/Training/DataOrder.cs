namespace Recipes.Core.Training;

/// <summary>
/// The endless order in which a set of items is visited: one random permutation an epoch, so that every item is seen
/// equally often. It has no state; the position decides.
/// </summary>
/// <param name="streams">Draws the permutations.</param>
/// <param name="stream">The stream's name, its step being the epoch.</param>
/// <param name="count">How many items there are; at least 1.</param>
public sealed class DataOrder(RandomStreams streams, string stream, int count)
{
    private long epoch = -1;
    private int[] permutation = [];

    /// <summary>How many items there are.</summary>
    public int Count => count;

    /// <summary>The items at positions from <paramref name="start"/> on.</summary>
    public long[] Take(long start, int length)
    {
        var items = new long[length];
        for (var i = 0; i < length; i++)
        {
            var position = start + i;
            if (position / count != epoch)
            {
                epoch = position / count;
                permutation = streams.Permutation(stream, epoch, count);
            }

            items[i] = permutation[position % count];
        }

        return items;
    }

    /// <summary>How many different items the first <paramref name="draws"/> positions visit.</summary>
    public int Visited(long draws) => (int)Math.Min(count, draws);
}
