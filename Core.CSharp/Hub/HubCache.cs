using System.Text.Json;

namespace Recipes.Core.Hub;

/// <summary>
/// Reads a cache in the layout of the huggingface_hub library: <c>models--org--name</c> with <c>refs/REVISION</c>, a
/// commit, and <c>snapshots/COMMIT</c>, whose files are links into <c>blobs</c> or files of their own. Writes nothing.
/// </summary>
internal static class HubCache
{
    /// <summary>The commit that a revision named when it was last downloaded, or null.</summary>
    public static string? Commit(string root, HubModel model)
    {
        if (HubModel.IsCommit(model.Revision))
        {
            return model.Revision;
        }

        var path = Path.Combine([root, model.CacheName, "refs", .. model.Revision.Split('/')]);
        try
        {
            return File.ReadAllText(path).Trim() is var text && HubModel.IsCommit(text) ? text : null;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, e);
        }
    }

    /// <summary>The folder that the files of a commit are in, whether or not it is there.</summary>
    public static string Folder(string root, HubModel model, string commit) =>
        Path.Combine(root, model.CacheName, "snapshots", commit);

    /// <summary>Every file below a folder, with / between parts; a link to nothing is no file.</summary>
    public static IReadOnlyList<string> Files(string folder)
    {
        try
        {
            return Directory.Exists(folder)
                ?
                [
                    .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                        .Where(IsThere)
                        .Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/')),
                ]
                : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(folder, e);
        }
    }

    /// <summary>Whether a file is there, and where it is a link, what it leads to.</summary>
    public static bool IsThere(string path)
    {
        var file = new FileInfo(path);
        return file.LinkTarget is null
            ? file.Exists
            : file.ResolveLinkTarget(returnFinalTarget: true) is { Exists: true };
    }

    /// <summary>What of a folder a model needs, or what is missing there.</summary>
    public static ModelFiles Select(string folder, HubModel model) =>
        ModelFiles.Select(Files(folder), model, index => Parts(Path.Combine(folder, index)));

    /// <summary>The files that an index of shards lists; none where it is broken.</summary>
    private static List<string> Parts(string index)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(index));
            return json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("weight_map", out var map)
                && map.ValueKind == JsonValueKind.Object
                ? [.. map.EnumerateObject().Select(pair => pair.Value.ToString()).Distinct()]
                : [];
        }
        catch (JsonException)
        {
            // An index cut short lists nothing, which the caller reports as incomplete.
            return [];
        }
    }

    private static RecipesException Unreadable(string path, Exception e) =>
        new(path, $"the cache cannot be read ({e.Message.TrimEnd('.')})", "Check the folder's permissions.", e);
}
