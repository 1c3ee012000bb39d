using System.ComponentModel;
using System.Diagnostics;
using Recipes.Core.Pocket;

namespace Recipes.Core.Hub;

/// <summary>Fetches the tarballs of packages by the program npm, from the registry that it is set up for.</summary>
internal static class NpmPack
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    /// <summary>Fetches a package's tarball to a folder.</summary>
    /// <exception cref="RecipesException">npm is absent, fails or falls silent.</exception>
    public static void Run(SourcePackage package, string folder) =>
        Run(OperatingSystem.IsWindows() ? "npm.cmd" : "npm", package, folder);

    /// <summary>The same by a program of another name.</summary>
    internal static void Run(string program, SourcePackage package, string folder)
    {
        var name = $"{package.Name}@{package.Version}";
        var start = new ProcessStartInfo(program, ["pack", name, "--pack-destination", folder, "--fetch-retries=2"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = folder,
        };
        using var process = Start(start, package);
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            throw Failed(package, $"npm gave no package within {Patience.TotalMinutes:0} minutes");
        }

        output.Wait();
        if (process.ExitCode != 0)
        {
            var lines = errors.Result.Split('\n').Where(line => line.Contains("error", StringComparison.Ordinal)
                || line.Contains("ERR!", StringComparison.Ordinal));
            var said = string.Join(" ", lines.Take(3)).Trim();
            throw Failed(package, $"npm failed with exit code {process.ExitCode}: {said}");
        }
    }

    private static Process Start(ProcessStartInfo start, SourcePackage package)
    {
        try
        {
            return Process.Start(start)!;
        }
        catch (Win32Exception e)
        {
            throw Failed(package, $"the program {start.FileName} cannot be started ({e.Message})", e);
        }
    }

    private static RecipesException Failed(SourcePackage package, string fault, Exception? e = null) => new(
        $"{package.Name}@{package.Version}",
        fault,
        $"Install Node.js, which has npm, or put {package.FileName} into {PackagedFile.CacheFolder}.",
        e);
}
