namespace Recipes.Core.Hub;

/// <summary>Lists the models in diffusers layout that the caches hold.</summary>
public static class HubCatalogue
{
    private const string Prefix = "models--";
    private const string Half = "fp16";

    /// <summary>Every commit and variant, our own cache first, by name.</summary>
    /// <exception cref="RecipesException">A cache cannot be read.</exception>
    public static IReadOnlyList<HubEntry> List(HubSettings settings) =>
        [.. In(settings.OwnCache, shared: false), .. In(settings.SharedCache, shared: true)];

    private static IEnumerable<HubEntry> In(string root, bool shared)
    {
        foreach (var repository in Folders(root)
            .Where(folder => Name(folder).StartsWith(Prefix, StringComparison.Ordinal)))
        {
            var refs = Path.Combine(repository, "refs");
            var revisions = HubCache.Files(refs).Where(name => !name.EndsWith(".partial", StringComparison.Ordinal))
                .ToLookup(name => File.ReadAllText(Path.Combine(refs, name)).Trim());
            foreach (var folder in Folders(Path.Combine(repository, "snapshots")))
            {
                var parts = Name(folder).Split('.', 2);
                var files = HubCache.Files(folder);
                if (!HubModel.IsCommit(parts[0]) || !files.Contains("model_index.json"))
                {
                    continue;
                }

                var id = Name(repository)[Prefix.Length..].Replace("--", "/", StringComparison.Ordinal);
                var variant = parts.Length > 1 ? parts[1] : null;
                var lack = Lack(folder, id, parts[0], variant);
                if (shared && lack is not null && Lack(folder, id, parts[0], Half) is null)
                {
                    (variant, lack) = (Half, null);
                }

                yield return new HubEntry(
                    id,
                    [.. revisions[parts[0]].Order(StringComparer.Ordinal)],
                    parts[0],
                    variant,
                    folder,
                    files.Sum(file => Size(Path.Combine(folder, file))),
                    shared,
                    lack);
            }
        }
    }

    private static string? Lack(string folder, string id, string commit, string? variant) =>
        HubCache.Select(folder, new HubModel(id, commit, variant)).Fault;

    private static string Name(string folder) => Path.GetFileName(folder);

    private static IEnumerable<string> Folders(string root) =>
        Directory.Exists(root) ? Directory.GetDirectories(root).Order(StringComparer.Ordinal) : [];

    private static long Size(string path) =>
        (new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? new FileInfo(path)).Length;
}
