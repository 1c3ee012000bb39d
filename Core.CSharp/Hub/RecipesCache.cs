namespace Recipes.Core.Hub;

/// <summary>Where this library keeps what can be had again: downloaded models and drawn class pictures.</summary>
public static class RecipesCache
{
    /// <summary>RECIPES_CACHE, else recipes/ in XDG_CACHE_HOME, else ~/.cache/recipes.</summary>
    public static string Root => Find(Environment.GetEnvironmentVariable);

    internal static string Find(Func<string, string?> variable) =>
        variable("RECIPES_CACHE") is { Length: > 0 } own ? Path.GetFullPath(own)
        : Path.Combine(UserCache(variable), "recipes");

    /// <summary>XDG_CACHE_HOME, else ~/.cache.</summary>
    internal static string UserCache(Func<string, string?> variable) =>
        variable("XDG_CACHE_HOME") is { Length: > 0 } folder
            ? Path.GetFullPath(folder)
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
}
