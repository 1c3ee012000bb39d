namespace Recipes.Core.Hub;

/// <summary>A model that a cache holds.</summary>
/// <param name="Id">The repository.</param>
/// <param name="Revisions">The branches and tags that name this commit.</param>
/// <param name="Commit">The commit.</param>
/// <param name="Variant">The variant of the weights; null for full precision.</param>
/// <param name="Path">Its folder.</param>
/// <param name="Bytes">Bytes of all its files.</param>
/// <param name="Shared">Whether it lies in the cache that other programs fill.</param>
/// <param name="Lack">What is missing for a model to load from it; null where nothing is.</param>
public sealed record HubEntry(
    string Id,
    IReadOnlyList<string> Revisions,
    string Commit,
    string? Variant,
    string Path,
    long Bytes,
    bool Shared,
    string? Lack);
