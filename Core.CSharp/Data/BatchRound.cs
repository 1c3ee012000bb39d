using Recipes.Core.Training;

namespace Recipes.Core.Data;

/// <summary>The shuffled order in which groups come up, round after round.</summary>
/// <param name="streams">Draws the permutations.</param>
/// <param name="stream">Their stream, its step being the round.</param>
/// <param name="members">The groups that take part, by their numbers.</param>
/// <param name="groups">All groups.</param>
/// <param name="counts">Batches of each group in a round.</param>
internal sealed class BatchRound(
    RandomStreams streams,
    string stream,
    IReadOnlyList<int> members,
    IReadOnlyList<BatchGroup> groups,
    IReadOnlyList<int> counts)
{
    private readonly int[] slots =
        [.. members.SelectMany(member => Enumerable.Repeat(member, counts[member]))];

    private readonly Dictionary<int, int> turns = members
        .GroupBy(member => groups[member].Concept)
        .ToDictionary(concept => concept.Key, concept => concept.Sum(member => counts[member]));

    private long known = -1;
    private (int Group, int Nth, int Turn)[] current = [];

    /// <summary>
    /// The group of a number; which round it is in; how many batches of the group came before it in the round, and how
    /// many of its concept in all.
    /// </summary>
    public (int Group, long Round, int Nth, long Turn) At(long number)
    {
        var round = number / slots.Length;
        if (round != known)
        {
            (current, known) = (Make(round), round);
        }

        var (group, nth, turn) = current[number % slots.Length];
        return (group, round, nth, (round * turns[groups[group].Concept]) + turn);
    }

    private (int Group, int Nth, int Turn)[] Make(long round)
    {
        // A single group needs no draw, however long its rounds are.
        var order = members.Count == 1
            ? [.. Enumerable.Range(0, slots.Length)]
            : streams.Permutation(stream, round, slots.Length);
        var (seen, taken) = (new Dictionary<int, int>(), new Dictionary<int, int>());
        return
        [
            .. order.Select(place => slots[place]).Select(group =>
            {
                var nth = seen.GetValueOrDefault(group);
                var turn = taken.GetValueOrDefault(groups[group].Concept);
                (seen[group], taken[groups[group].Concept]) = (nth + 1, turn + 1);
                return (group, nth, turn);
            }),
        ];
    }
}
