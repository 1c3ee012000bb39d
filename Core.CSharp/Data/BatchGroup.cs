namespace Recipes.Core.Data;

/// <summary>Pictures that may share a batch: of one concept and one size.</summary>
/// <param name="Concept">The concept's number.</param>
/// <param name="Bucket">Their size.</param>
/// <param name="Items">The pictures' numbers in their concept; at least one.</param>
public sealed record BatchGroup(int Concept, Bucket Bucket, IReadOnlyList<int> Items)
{
    /// <summary>The groups of several concepts' pictures, by concept and then from narrow to wide.</summary>
    /// <param name="concepts">For each concept the bucket of each picture.</param>
    public static IReadOnlyList<BatchGroup> Of(IReadOnlyList<IReadOnlyList<Bucket>> concepts) =>
    [
        .. concepts.SelectMany((buckets, concept) => buckets
            .Select((bucket, item) => (bucket, item))
            .GroupBy(pair => pair.bucket, pair => pair.item)
            .OrderBy(group => group.Key.Ratio)
            .ThenBy(group => group.Key.Width)
            .Select(group => new BatchGroup(concept, group.Key, [.. group]))),
    ];
}
