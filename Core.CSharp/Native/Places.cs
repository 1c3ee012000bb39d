using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>Where native libraries may lie, and what their files are called on this system.</summary>
internal static class Places
{
    /// <summary>linux-x64, osx-arm64, win-x64 and the like: the folder names of packages.</summary>
    public static string Rid { get; } =
        (OperatingSystem.IsWindows() ? "win-" : OperatingSystem.IsMacOS() ? "osx-" : "linux-")
        + RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    /// <summary>
    /// Beside this assembly (beside the program where the assembly is part of a single file): a folder of its own for
    /// libtorch, where the runtime does not find it by itself and so cannot prefer it to another one; then where
    /// packages and publishing put native files.
    /// </summary>
    public static IReadOnlyList<string> Folders { get; } = [.. FindFolders().Distinct()];

    /// <summary>The folders for a message, after "neither in".</summary>
    public static string Text => string.Join("\n  nor in ", Folders.Take(3));

    /// <summary>The file name of a library: c10 is libc10.so, libc10.dylib or c10.dll.</summary>
    public static string FileName(string library) =>
        OperatingSystem.IsWindows() ? $"{(library == "SkiaSharp" ? "lib" : "")}{library}.dll"
        : OperatingSystem.IsMacOS() ? $"lib{library}.dylib"
        : $"lib{library}.so";

    /// <summary>The first of <see cref="Folders"/> that has this file, as the file's path.</summary>
    public static string? Find(string file) =>
        Folders.Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);

    private static IEnumerable<string> FindFolders()
    {
        var assembly = typeof(Places).Assembly.Location;
        foreach (var root in new[] { Path.GetDirectoryName(assembly), AppContext.BaseDirectory })
        {
            if (!string.IsNullOrEmpty(root))
            {
                var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
                yield return Path.Combine(folder, "libtorch");
                yield return folder;
                yield return Path.Combine(folder, "runtimes", Rid, "native");
            }
        }
    }
}
