using System.Text.Json;

namespace Recipes.Core.Hub;

/// <summary>
/// Finds models of a hub on this disk, and fetches those that are not there into our own cache. The cache that other
/// programs fill is used where it is complete, and never written to.
/// </summary>
public sealed class HubStore(HubSettings settings)
{
    /// <summary>
    /// The model as it lies in a cache, or null. Our own cache comes first: what is there was asked for. A revision is
    /// what it was when it was last downloaded; the network is not asked.
    /// </summary>
    /// <exception cref="RecipesException">A cache cannot be read.</exception>
    public HubSnapshot? Find(HubModel model) =>
        FindOwn(model, HubCache.Commit(settings.OwnCache, model)) ?? FindShared(model);

    /// <summary>Why <see cref="Find"/> finds nothing: what a cache lacks, or that no cache has it.</summary>
    public string Lack(HubModel model)
    {
        foreach (var (root, own) in new[] { (settings.OwnCache, true), (settings.SharedCache, false) })
        {
            if (HubCache.Commit(root, model) is { } commit)
            {
                var folder = own
                    ? new SnapshotFolder(root, model, commit).Folder
                    : HubCache.Folder(root, model, commit);
                if (Directory.Exists(folder) && HubCache.Select(folder, model).Fault is { } fault)
                {
                    return $"{folder} is not complete: {fault}";
                }
            }
        }

        return "it is not in the cache";
    }

    /// <summary>Asks the hub what would have to be downloaded, and downloads nothing.</summary>
    /// <exception cref="RecipesException">
    /// Offline; the hub refuses, cannot be reached, or has no such model, revision, variant or safetensors.
    /// </exception>
    public async Task<HubDownload> AskAsync(HubModel model, CancellationToken stop = default)
    {
        CheckOnline(model);
        using var client = new HubClient(settings);
        var commit = await client.CommitAsync(model, stop).ConfigureAwait(false);
        var files = Needed(model, await client.TreeAsync(model, commit, stop).ConfigureAwait(false));
        var snapshot = new SnapshotFolder(settings.OwnCache, model, commit);
        var missing = files.Where(file => !snapshot.Holds(file) && HeldBlob(snapshot, file, model) is null).ToList();
        var family = model.File is null
            ? Family(files, await client.ReadAsync(model, commit, "unet/config.json", stop).ConfigureAwait(false))
            : null;
        return new HubDownload(model, commit, missing.Count, missing.Sum(file => Left(snapshot, file)), family);
    }

    /// <summary>
    /// Downloads what the caches lack of the commit that the revision names now, and gives it. Processes that fetch the
    /// same model wait for each other. What an interrupted download left is continued.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="progress">Told as each file begins and every tenth of a second; null for nobody.</param>
    /// <param name="stop">Stops; what has come so far stays.</param>
    /// <exception cref="RecipesException">
    /// Offline; the hub refuses, cannot be reached, has no such model, revision, variant or safetensors, or sends other
    /// contents than it lists; the disk is full.
    /// </exception>
    public async Task<HubSnapshot> FetchAsync(
        HubModel model, IProgress<HubProgress>? progress = null, CancellationToken stop = default)
    {
        CheckOnline(model);
        using var client = new HubClient(settings);
        var commit = await client.CommitAsync(model, stop).ConfigureAwait(false);
        var snapshot = new SnapshotFolder(settings.OwnCache, model, commit);
        try
        {
            snapshot.Create();
            using var hold = await StoreLock.HoldAsync(snapshot.Repository, stop).ConfigureAwait(false);
            if (FindOwn(model, commit) is null)
            {
                var files = Needed(model, await client.TreeAsync(model, commit, stop).ConfigureAwait(false));
                await FillAsync(client, model, commit, snapshot, files, progress, stop).ConfigureAwait(false);
            }

            snapshot.Name();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(snapshot, e);
        }

        return FindOwn(model, commit)
            ?? throw new RecipesException(
                snapshot.Folder,
                $"it is not complete after the download: {snapshot.Select().Fault}",
                "Choose another revision or repository; this one's files contradict each other.");
    }

    private async Task FillAsync(
        HubClient client,
        HubModel model,
        string commit,
        SnapshotFolder snapshot,
        IReadOnlyList<HubFile> files,
        IProgress<HubProgress>? progress,
        CancellationToken stop)
    {
        var missing = new List<HubFile>();
        foreach (var file in files.Where(file => !snapshot.Holds(file)))
        {
            if (HeldBlob(snapshot, file, model) is { } blob && BlobHash.Fits(blob, file))
            {
                snapshot.Place(file.Path, blob);
            }
            else
            {
                missing.Add(file);
            }
        }

        CheckSpace(snapshot.Repository, missing.Sum(file => Left(snapshot, file)));
        var meter = new ProgressMeter(progress, files.Sum(file => file.Size), missing);
        foreach (var file in missing)
        {
            var blob = snapshot.Blob(file);
            var download = new BlobDownload(client, settings, model, file, client.Address(model, commit, file.Path));
            meter.Begin(file);
            await download.RunAsync(blob, meter.Reach, stop).ConfigureAwait(false);
            snapshot.Place(file.Path, blob);
        }

        meter.End();
    }

    private static IReadOnlyList<HubFile> Needed(HubModel model, IReadOnlyList<HubFile> tree)
    {
        var selected = ModelFiles.Select([.. tree.Select(file => file.Path)], model, _ => null);
        var byPath = tree.GroupBy(file => file.Path).ToDictionary(group => group.Key, group => group.First());
        return selected.Fault is null
            ? [.. selected.Files.Select(path => byPath[path])]
            : throw new RecipesException(model.ToString(), selected.Fault, selected.Cure);
    }

    /// <summary>Contents that either cache has already, or null. A shared one is checked before it is used.</summary>
    private string? HeldBlob(SnapshotFolder snapshot, HubFile file, HubModel model) =>
        new[] { snapshot.Blob(file), Path.Combine(settings.SharedCache, model.CacheName, "blobs", file.Hash) }
            .FirstOrDefault(path => HubCache.IsThere(path) && new FileInfo(path).Length == file.Size);

    private static long Left(SnapshotFolder snapshot, HubFile file)
    {
        var partial = new FileInfo(BlobDownload.Partial(snapshot.Blob(file)));
        return file.Size - (partial.Exists ? Math.Min(partial.Length, file.Size) : 0);
    }

    /// <summary>As <see cref="Weights.ModelFolder"/> tells families apart, by structure.</summary>
    private static string Family(IReadOnlyList<HubFile> files, JsonElement unet) =>
        files.Any(file => file.Path.StartsWith("low_res_scheduler/", StringComparison.Ordinal)) ? "X4"
        : files.Any(file => file.Path.StartsWith("text_encoder_2/", StringComparison.Ordinal)) ? "SDXL"
        : unet.ValueKind == JsonValueKind.Object
            && unet.TryGetProperty("use_linear_projection", out var linear)
            && linear.ValueKind == JsonValueKind.True ? "SD2"
        : "SD1";

    private HubSnapshot? FindOwn(HubModel model, string? commit)
    {
        if (commit is null)
        {
            return null;
        }

        var snapshot = new SnapshotFolder(settings.OwnCache, model, commit);
        return snapshot.Select().Fault is null ? Found(model, commit, snapshot.Folder, shared: false) : null;
    }

    private HubSnapshot? FindShared(HubModel model)
    {
        if (HubCache.Commit(settings.SharedCache, model) is not { } commit)
        {
            return null;
        }

        var folder = HubCache.Folder(settings.SharedCache, model, commit);
        var files = HubCache.Select(folder, model);
        if (files.Fault is not null)
        {
            return null;
        }

        if (model.Variant is null || model.File is not null || !files.IsHiddenIn(HubCache.Files(folder)))
        {
            return Found(model, commit, folder, shared: true);
        }

        // Both precisions lie there, and a loader would take the other: a folder of links holds the one that is meant.
        var snapshot = new SnapshotFolder(settings.OwnCache, model, commit);
        try
        {
            snapshot.Create();
            foreach (var path in files.Files)
            {
                snapshot.Place(path, Path.GetFullPath(Path.Combine([folder, .. path.Split('/')])));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(snapshot, e);
        }

        return FindOwn(model, commit);
    }

    private static RecipesException Unwritable(SnapshotFolder snapshot, Exception e) => new(
        snapshot.Repository,
        $"the cache cannot be written ({e.Message.TrimEnd('.')})",
        "Free some space or mend its permissions, or name another folder by RECIPES_CACHE.",
        e);

    private static HubSnapshot Found(HubModel model, string commit, string folder, bool shared) =>
        new(model, commit, model.File is { } file ? Path.Combine([folder, .. file.Split('/')]) : folder, shared);

    private void CheckOnline(HubModel model)
    {
        if (settings.Offline)
        {
            throw HubErrors.Offline(model, Lack(model));
        }
    }

    private void CheckSpace(string folder, long needed)
    {
        var free = settings.FreeSpace(folder);
        if (free < needed)
        {
            throw new RecipesException(
                folder,
                $"{free / 1e9:0.0} GB are free and {needed / 1e9:0.0} GB are to be downloaded",
                "Free some space, or name a folder on another disk by RECIPES_CACHE.");
        }
    }
}
