namespace Recipes.Core.Models;

/// <summary>Opens models where they lie.</summary>
public static class ModelSource
{
    /// <summary>Opens a model folder in diffusers layout.</summary>
    /// <exception cref="RecipesException">There is none, or it is of a kind that is not supported.</exception>
    public static IModelSource Open(string path) => new FolderSource(path);
}
