using Recipes.Core.Training;

namespace Recipes.Core.Data;

/// <summary>
/// The endless order of batches, each of one concept and one size. It has no state: seed and number decide a batch. A
/// round visits each group as often as its pictures fill batches, the groups shuffled; within a group the pictures of
/// each round are shuffled. No native code is used.
/// </summary>
public sealed class BatchOrder
{
    private readonly IReadOnlyList<BatchGroup> groups;
    private readonly DataOrder[] orders;
    private readonly BatchRound[] rounds;
    private readonly int batch;
    private readonly Remainder remainder;

    /// <param name="streams">Draws the permutations, by <see cref="RandomStreams.Order"/>.</param>
    /// <param name="groups">What may share batches.</param>
    /// <param name="batch">Pictures in a batch; at least 1.</param>
    /// <param name="remainder">What becomes of those that fill none.</param>
    /// <param name="mixing">How concepts follow each other.</param>
    /// <exception cref="RecipesException">A concept fills no batch at all.</exception>
    public BatchOrder(
        RandomStreams streams,
        IReadOnlyList<BatchGroup> groups,
        int batch,
        Remainder remainder = Remainder.Repeat,
        ConceptMixing mixing = ConceptMixing.InTurn)
    {
        this.groups = groups;
        this.batch = batch;
        this.remainder = remainder;
        var concepts = groups.Select(group => group.Concept).Distinct().Order().ToList();
        orders =
        [
            .. groups.Select(group => new DataOrder(
                streams, Stream(group, concepts.Count), group.Items.Count)),
        ];
        int[] counts = [.. groups.Select(group => Batches(group.Items.Count))];
        foreach (var concept in concepts)
        {
            RefuseEmpty(concept, counts);
        }

        rounds = mixing == ConceptMixing.InTurn
            ? [.. concepts.Select(concept => Round(group => group.Concept == concept, $"/{concept}"))]
            : [Round(_ => true, "")];

        BatchRound Round(Func<BatchGroup, bool> covers, string suffix) => new(
            streams,
            $"{RandomStreams.Order}/batches{suffix}",
            [.. Enumerable.Range(0, groups.Count).Where(index => covers(groups[index]))],
            groups,
            counts);
    }

    /// <summary>What may share batches.</summary>
    public IReadOnlyList<BatchGroup> Groups => groups;

    /// <summary>Pictures in a batch.</summary>
    public int Batch => batch;

    /// <summary>Pictures that each round leaves out.</summary>
    public int DroppedEachRound =>
        remainder == Remainder.Repeat ? 0 : groups.Sum(group => group.Items.Count % batch);

    /// <summary>The batch of a number, counted from 0.</summary>
    public PlannedBatch At(long number)
    {
        var round = rounds[number % rounds.Length];
        var (index, cycle, nth, turn) = round.At(number / rounds.Length);
        var (group, count) = (groups[index], groups[index].Items.Count);
        var position = remainder == Remainder.Repeat
            ? ((cycle * Batches(count)) + nth) * batch
            : (cycle * count) + (nth * batch);
        var taken = orders[index].Take(position, batch);
        return new PlannedBatch(group, [.. taken.Select(place => group.Items[(int)place])], turn);
    }

    private int Batches(int count) => remainder == Remainder.Repeat ? (count + batch - 1) / batch : count / batch;

    /// <summary>One group alone has the plain order; others are told apart by concept and size.</summary>
    private string Stream(BatchGroup group, int concepts) =>
        groups.Count == 1 ? RandomStreams.Order
        : concepts == 1 ? $"{RandomStreams.Order}/{group.Bucket}"
        : $"{RandomStreams.Order}/{group.Concept}/{group.Bucket}";

    private void RefuseEmpty(int concept, int[] counts)
    {
        var own = Enumerable.Range(0, groups.Count).Where(index => groups[index].Concept == concept).ToList();
        if (own.All(index => counts[index] == 0))
        {
            throw new RecipesException(
                $"Concept {concept + 1}",
                $"none of its sizes has the {batch} pictures of a batch "
                    + $"({string.Join(", ", own.Select(i => $"{groups[i].Bucket}: {groups[i].Items.Count}"))})",
                "Lower the batch, let remainders repeat, or use one size.");
        }
    }
}
