namespace Recipes.Core.Hub;

/// <summary>What is still to be downloaded for a model.</summary>
/// <param name="Model">The model.</param>
/// <param name="Commit">The commit that its revision names now.</param>
/// <param name="Files">Files that are not in the caches.</param>
/// <param name="Bytes">Their bytes, less what earlier, interrupted downloads left.</param>
/// <param name="Family">SD1, SD2 or SDXL by the structure of the folder; null for a single file.</param>
public sealed record HubDownload(HubModel Model, string Commit, int Files, long Bytes, string? Family);
