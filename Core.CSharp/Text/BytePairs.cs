namespace Recipes.Core.Text;

/// <summary>
/// Byte pair encoding (Sennrich et al. 2016, section 3.2): of all neighbouring pairs the one of lowest rank is joined,
/// the leftmost first, until none is left. Takes n log n time for n symbols.
/// </summary>
internal sealed class BytePairs(IReadOnlyDictionary<(int Left, int Right), (int Rank, int Joined)> merges)
{
    /// <summary>The tokens left of these symbols when all merges are done.</summary>
    public int[] Merge(int[] symbols)
    {
        var tokens = (int[])symbols.Clone();
        var next = new int[tokens.Length];
        var previous = new int[tokens.Length];
        var queue = new PriorityQueue<(int At, int Left, int Right), (int Rank, int At)>();

        for (var i = 0; i < tokens.Length; i++)
        {
            next[i] = i + 1 < tokens.Length ? i + 1 : -1;
            previous[i] = i - 1;
            Offer(i);
        }

        while (queue.TryDequeue(out var pair, out _))
        {
            var (at, left, right) = pair;
            var other = tokens[at] == left ? next[at] : -1;

            // A pair of which a half was joined elsewhere in the meantime is stale.
            if (other < 0 || tokens[other] != right)
            {
                continue;
            }

            tokens[at] = merges[(left, right)].Joined;
            tokens[other] = -1;
            next[at] = next[other];

            if (next[at] >= 0)
            {
                previous[next[at]] = at;
            }

            Offer(at);
            Offer(previous[at]);
        }

        return Array.FindAll(tokens, token => token >= 0);

        void Offer(int at)
        {
            if (at >= 0 && next[at] >= 0
                && merges.TryGetValue((tokens[at], tokens[next[at]]), out var merge))
            {
                queue.Enqueue((at, tokens[at], tokens[next[at]]), (merge.Rank, at));
            }
        }
    }
}
