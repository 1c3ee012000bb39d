namespace Recipes.Core.Data;

/// <summary>How often each picture is visited in a number of batches.</summary>
/// <param name="Counts">For each concept the visits of each picture.</param>
/// <param name="DroppedEachRound">Pictures that a round leaves out because they fill no batch.</param>
public sealed record VisitPlan(IReadOnlyList<IReadOnlyList<long>> Counts, int DroppedEachRound)
{
    /// <summary>Counts the visits of the first batches of an order.</summary>
    /// <param name="order">The order.</param>
    /// <param name="batches">Optimiser steps × accumulation.</param>
    public static VisitPlan Of(BatchOrder order, long batches)
    {
        var counts = order.Groups
            .GroupBy(group => group.Concept)
            .OrderBy(concept => concept.Key)
            .ToDictionary(concept => concept.Key, concept => new long[concept.Sum(group => group.Items.Count)]);
        for (var number = 0L; number < batches; number++)
        {
            var planned = order.At(number);
            foreach (var item in planned.Items)
            {
                counts[planned.Group.Concept][item]++;
            }
        }

        return new VisitPlan([.. counts.Values], order.DroppedEachRound);
    }

    /// <summary>For each concept how many different pictures are visited.</summary>
    public IReadOnlyList<int> Different => [.. Counts.Select(pictures => pictures.Count(visits => visits > 0))];
}
