using System.Diagnostics;
using System.Globalization;

namespace Recipes.Core.Bench;

/// <summary>The most memory this process has held at once (its resident set).</summary>
public static class PeakMemory
{
    private const string Status = "/proc/self/status";

    /// <summary>Bytes held now.</summary>
    public static long Now => Field("VmRSS:") ?? Environment.WorkingSet;

    /// <summary>The most bytes held since the start, or since <see cref="Restart"/> where that worked.</summary>
    public static long Peak
    {
        get
        {
            using var process = Process.GetCurrentProcess();
            return Field("VmHWM:") ?? process.PeakWorkingSet64;
        }
    }

    /// <summary>Counts the peak from now on.</summary>
    /// <returns>Whether the system allows it: on Linux, unless /proc is read-only.</returns>
    public static bool Restart()
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                File.WriteAllText("/proc/self/clear_refs", "5");
                return true;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The peak since the start is told instead.
        }

        return false;
    }

    private static long? Field(string name)
    {
        if (!File.Exists(Status))
        {
            return null;
        }

        var line = File.ReadLines(Status).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal));
        return line is null
            ? null
            : 1024 * long.Parse(
                line[name.Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }
}
