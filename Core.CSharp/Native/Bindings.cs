using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Recipes.Core.Native;

/// <summary>TorchSharp's own native library, mended where this host's C++ library is too old for it.</summary>
internal static class Bindings
{
    /// <summary>The symbol version that older hosts lack.</summary>
    public const string Version = "GLIBCXX_3.4.32";

    /// <summary>The one function that demands it; mentioned, never called.</summary>
    public const string Symbol = "_ZSt21ios_base_library_initv";

    private const string Lacking = $"it needs {Version}, which this host's C++ library lacks";

    private const string Cure =
        $"Set XDG_CACHE_HOME to a folder that programs may run from, or install a C++ library with {Version} (GCC 13).";

    /// <summary>Loads the library; libtorch must be loaded already.</summary>
    public static (string Library, bool Mended, IntPtr Handle) Load()
    {
        var name = Places.FileName("LibTorchSharp");
        var file = Places.Find(name) ?? throw new RecipesException(
            name,
            $"it lies neither in {Places.Text}",
            "Build or publish the project again, and keep the files beside the program.");
        try
        {
            return (file, false, NativeLibrary.Load(file));
        }
        catch (DllNotFoundException e) when (e.Message.Contains(Version, StringComparison.Ordinal))
        {
            return LoadMended(file, e);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new RecipesException(
                file,
                $"it does not load\n  ({Loader.Reason(e)})",
                $"Use the packaged libtorch, or set {Loader.Variable} to one of the packaged version.",
                e);
        }
    }

    private static (string Library, bool Mended, IntPtr Handle) LoadMended(string file, DllNotFoundException refusal)
    {
        var original = File.ReadAllBytes(file);
        var mended = ElfMend.Weaken(original, Version, Symbol)
            ?? throw new RecipesException(file, Lacking, Cure, refusal);
        var name = $"libLibTorchSharp-{Convert.ToHexStringLower(SHA256.HashData(original))[..16]}.so";
        var tried = new List<string>();
        foreach (var folder in CacheFolders())
        {
            try
            {
                var copy = Store(folder, name, mended);
                return (copy, true, NativeLibrary.Load(copy));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or DllNotFoundException)
            {
                tried.Add(e is DllNotFoundException ? Loader.Reason(e) : e.Message.TrimEnd('.'));
            }
        }

        throw new RecipesException(
            file,
            $"{Lacking}, and no mended copy can be kept\n  ({string.Join("\n  ", tried.Distinct().Take(3))})",
            Cure,
            refusal);
    }

    /// <summary>
    /// Writes the copy unless the very same bytes lie there. It appears under its name in one step, so that processes
    /// that start together never load half a file.
    /// </summary>
    internal static string Store(string folder, string name, byte[] content)
    {
        var path = Path.Combine(folder, name);
        if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(content))
        {
            return path;
        }

        const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        var temporary = Path.Combine(folder, $"{name}.{Guid.NewGuid():N}.tmp");
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, Private);
        }

        try
        {
            File.WriteAllBytes(temporary, content);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        return path;
    }

    /// <summary>Where files that can be made again are kept, the best place first.</summary>
    internal static IEnumerable<string> CacheFolders()
    {
        if (Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache && Path.IsPathRooted(cache))
        {
            yield return Path.Combine(cache, "recipes");
        }

        if (Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } home)
        {
            yield return Path.Combine(home, ".cache", "recipes");
        }

        yield return Path.Combine(Path.GetTempPath(), $"recipes-{Environment.UserName}");
    }
}
