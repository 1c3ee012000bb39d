namespace Recipes.Core.Hub;

/// <summary>A model that is on this disk, complete.</summary>
/// <param name="Model">What it was looked up as.</param>
/// <param name="Commit">The commit that its files are of.</param>
/// <param name="Path">The folder in diffusers layout, or the one file.</param>
/// <param name="Shared">Whether it lies in the cache that other programs fill.</param>
public sealed record HubSnapshot(HubModel Model, string Commit, string Path, bool Shared);
