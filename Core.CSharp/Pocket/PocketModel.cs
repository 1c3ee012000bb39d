namespace Recipes.Core.Pocket;

/// <summary>The small text-to-image model that comes with this library, and the scorer beside it.</summary>
public static class PocketModel
{
    /// <summary>The base model: a folder in the layout of the diffusers library.</summary>
    /// <exception cref="RecipesException">The folder does not lie beside the library.</exception>
    public static string Folder => Beside("pocket");

    /// <summary>The text and image towers that score pictures: a CLIPModel folder.</summary>
    /// <exception cref="RecipesException">The folder does not lie beside the library.</exception>
    public static string ClipFolder => Beside("pocket-clip");

    private static string Beside(string name)
    {
        var library = Path.GetDirectoryName(typeof(PocketModel).Assembly.Location) ?? AppContext.BaseDirectory;
        var folder = Path.Combine(library, name);

        return Directory.Exists(folder)
            ? folder
            : throw new RecipesException(
                folder, "the embedded model is missing", "Build the library again, or copy the folder here.");
    }
}
