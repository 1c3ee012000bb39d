using System.Security.Cryptography;
using Recipes.Core.Pocket;

namespace Recipes.Core.Hub;

/// <summary>One file of an npm package, kept in the cache once it was fetched.</summary>
/// <param name="Package">The package, pinned by its tarball's hash.</param>
/// <param name="Path">The file's path in the tarball, <c>package/...</c>.</param>
/// <param name="Sha256">The file's SHA-256, lower-case hex.</param>
public sealed record PackagedFile(SourcePackage Package, string Path, string Sha256)
{
    /// <summary>Where such files are kept: packages/ in <see cref="RecipesCache"/>.</summary>
    public static string CacheFolder => System.IO.Path.Combine(RecipesCache.Root, "packages");

    /// <summary>
    /// The file's path in the cache. What is not there, or not whole, is taken from the package's tarball in the same
    /// folder, or else fetched by <c>npm pack</c>, which knows the registry. Processes that fetch it wait for each
    /// other.
    /// </summary>
    /// <exception cref="RecipesException">
    /// HF_HUB_OFFLINE forbids it, npm is absent or fails, the contents are others than the pinned ones, or the cache
    /// cannot be written.
    /// </exception>
    public string Fetch() => Fetch(CacheFolder, HubSettings.FromEnvironment().Offline, NpmPack.Run);

    /// <summary>The same with a folder and a way to get the tarball of one's own.</summary>
    internal string Fetch(string folder, bool offline, Action<SourcePackage, string> pack)
    {
        var target = System.IO.Path.Combine(folder, System.IO.Path.GetFileName(Path));
        try
        {
            if (IsWhole(target))
            {
                return target;
            }

            Directory.CreateDirectory(folder);
            using var hold = StoreLock.HoldAsync(folder, CancellationToken.None).GetAwaiter().GetResult();
            if (!IsWhole(target))
            {
                Store(target, Contents(folder, offline, pack));
            }

            return target;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                target, $"it cannot be kept in the cache ({e.Message.TrimEnd('.')})",
                "Free some space or mend the folder's permissions, or name another folder by RECIPES_CACHE.", e);
        }
    }

    private bool IsWhole(string target) => File.Exists(target) && Hash(File.ReadAllBytes(target)) == Sha256;

    private byte[] Contents(string folder, bool offline, Action<SourcePackage, string> pack)
    {
        if (File.Exists(System.IO.Path.Combine(folder, Package.FileName)))
        {
            return Read(folder);
        }

        if (offline)
        {
            throw new RecipesException(
                $"{Package.Name}@{Package.Version}",
                $"{System.IO.Path.GetFileName(Path)} is not in {folder}, and HF_HUB_OFFLINE forbids to fetch it",
                $"Unset HF_HUB_OFFLINE, or put {Package.FileName} there, as `npm pack` makes it.");
        }

        var temporary = Directory.CreateDirectory(System.IO.Path.Combine(folder, $"fetch-{Environment.ProcessId}"));
        try
        {
            pack(Package, temporary.FullName);
            return Read(temporary.FullName);
        }
        finally
        {
            temporary.Delete(recursive: true);
        }
    }

    private byte[] Read(string folder)
    {
        var bytes = Package.Read(folder, name => name == Path).GetValueOrDefault(Path)
            ?? throw new RecipesException(
                $"{Package.Name}@{Package.Version}", $"it holds no {Path}", "Update this program: its list is wrong.");
        return Hash(bytes) == Sha256
            ? bytes
            : throw new RecipesException(
                $"{Package.Name}@{Package.Version}", $"{Path} has the SHA-256 {Hash(bytes)} where {Sha256} is pinned",
                "Update this program: its list is wrong.");
    }

    private static void Store(string target, byte[] bytes)
    {
        var temporary = target + ".part";
        File.WriteAllBytes(temporary, bytes);
        File.Move(temporary, target, overwrite: true);
    }

    private static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));
}
