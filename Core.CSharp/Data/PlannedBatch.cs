namespace Recipes.Core.Data;

/// <summary>Which pictures a batch holds.</summary>
/// <param name="Group">Their concept and size.</param>
/// <param name="Items">Their numbers in the concept; one may come twice where there are fewer than a batch.</param>
/// <param name="Turn">How many batches of this concept came before.</param>
public sealed record PlannedBatch(BatchGroup Group, IReadOnlyList<int> Items, long Turn);
