namespace Recipes.Core.Training.Caches;

/// <summary>What a cache was good for.</summary>
/// <param name="Found">Entries that an earlier run had left.</param>
/// <param name="Made">Entries that were computed and kept.</param>
public readonly record struct CacheUse(int Found, int Made);
