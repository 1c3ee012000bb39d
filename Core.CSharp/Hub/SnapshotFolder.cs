namespace Recipes.Core.Hub;

/// <summary>
/// One commit of a model in our own cache, in the layout that <see cref="HubCache"/> reads. A variant has a folder of
/// its own, <c>snapshots/COMMIT.VARIANT</c>, so that whoever loads a folder finds one precision in it.
/// </summary>
internal sealed class SnapshotFolder(string root, HubModel model, string commit)
{
    /// <summary>The model's folder.</summary>
    public string Repository { get; } = Path.Combine(root, model.CacheName);

    /// <summary>The folder of the files.</summary>
    public string Folder { get; } =
        HubCache.Folder(root, model, model.Variant is null ? commit : $"{commit}.{model.Variant}");

    /// <summary>What of it the model needs, or what is missing.</summary>
    public ModelFiles Select() => HubCache.Select(Folder, model);

    /// <summary>Where a file's contents lie, by their hash.</summary>
    public string Blob(HubFile file) => Path.Combine(Repository, "blobs", file.Hash);

    /// <summary>Whether a file is there with its full size.</summary>
    public bool Holds(HubFile file)
    {
        var path = PathOf(file.Path);
        return HubCache.IsThere(path)
            && (new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? new FileInfo(path)).Length
                == file.Size;
    }

    /// <summary>Makes the folders that are written to.</summary>
    public void Create()
    {
        Directory.CreateDirectory(Path.Combine(Repository, "blobs"));
        Directory.CreateDirectory(Folder);
    }

    /// <summary>
    /// Puts a file in its place, as a link to where its contents lie. Where the system has no links, our own blob is
    /// moved there and another's file is copied.
    /// </summary>
    public void Place(string path, string source)
    {
        var target = PathOf(path);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.Delete(target);
        var isOwn = source.StartsWith(Repository + Path.DirectorySeparatorChar, StringComparison.Ordinal);
        try
        {
            File.CreateSymbolicLink(
                target, isOwn ? Path.GetRelativePath(Path.GetDirectoryName(target)!, source) : source);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or PlatformNotSupportedException
            && !HubCache.IsThere(target))
        {
            if (isOwn)
            {
                File.Move(source, target);
            }
            else
            {
                var partial = BlobDownload.Partial(target);
                File.Copy(source, partial, overwrite: true);
                File.Move(partial, target);
            }
        }
    }

    /// <summary>Notes which commit the revision names now.</summary>
    public void Name()
    {
        if (HubModel.IsCommit(model.Revision))
        {
            return;
        }

        var path = Path.Combine([Repository, "refs", .. model.Revision.Split('/')]);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var partial = $"{path}.{Environment.ProcessId}.{Environment.CurrentManagedThreadId}.partial";
        File.WriteAllText(partial, commit);
        File.Move(partial, path, overwrite: true);
    }

    private string PathOf(string path) => Path.Combine([Folder, .. path.Split('/')]);
}
