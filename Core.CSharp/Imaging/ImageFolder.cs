namespace Recipes.Core.Imaging;

/// <summary>A folder of pictures.</summary>
public static class ImageFolder
{
    private static readonly string[] Extensions = [".png", ".jpg", ".jpeg", ".webp", ".bmp"];

    /// <summary>
    /// Paths of the folder's png, jpg, jpeg, webp and bmp files, in ordinal order of their names. Subfolders and hidden
    /// files are left out.
    /// </summary>
    /// <exception cref="RecipesException">The folder is missing, unreadable or holds no picture.</exception>
    public static IReadOnlyList<string> List(string folder)
    {
        if (File.Exists(folder))
        {
            throw new RecipesException(
                folder, "this is a file, not a folder", "Name the folder that holds the pictures.");
        }

        if (!Directory.Exists(folder))
        {
            throw new RecipesException(
                folder, "no such folder", "Check the path; a relative one starts at the script's folder.");
        }

        string[] files;

        try
        {
            files = Directory.GetFiles(folder);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                folder,
                $"the folder cannot be read ({error.Message.TrimEnd('.')})",
                "Make the folder readable.",
                error);
        }

        var pictures = files.Where(IsPicture).ToArray();
        Array.Sort(pictures, (a, b) => string.CompareOrdinal(Path.GetFileName(a), Path.GetFileName(b)));

        if (pictures.Length == 0)
        {
            throw new RecipesException(
                folder,
                files.Length == 0 ? "the folder is empty" : $"none of its {files.Length} files is a picture",
                $"Put pictures ({string.Join(", ", Extensions.Select(e => e[1..]))}) into it.");
        }

        return pictures;
    }

    private static bool IsPicture(string path) =>
        !Path.GetFileName(path).StartsWith('.')
        && Extensions.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);
}
