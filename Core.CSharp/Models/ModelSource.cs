namespace Recipes.Core.Models;

/// <summary>Opens models where they lie.</summary>
public static class ModelSource
{
    /// <summary>Opens a model folder in diffusers layout, or a single-file checkpoint in the original layout.</summary>
    /// <exception cref="RecipesException">There is none, or it is of a kind that is not supported.</exception>
    public static IModelSource Open(string path) =>
        File.Exists(path) ? CheckpointSource.Open(path) : new FolderSource(path);
}
