using System.Globalization;
using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>
/// Settings that libtorch and its libraries take from environment variables, once, when they load. .NET's own
/// variables are not those that native code sees, hence setenv. A value of the user's stays.
/// </summary>
internal static partial class NativeVariables
{
    /// <summary>Sets all of them. Must come before libtorch loads.</summary>
    public static void Set()
    {
        if (OperatingSystem.IsLinux())
        {
            // Threads that wait for one another sleep. By default they spin for milliseconds, which on a machine that does
            // anything else takes the processor from the very threads waited for: ten times slower with one other process
            // per core, and no faster without.
            Set("OMP_WAIT_POLICY", "passive");
            if (Idle())
            {
                // Asleep at once, each small operation pays for waking them: some ten microseconds of spinning make
                // small trainings up to three times as fast on a machine of one's own, and slower on a busy one.
                Set("GOMP_SPINCOUNT", "1000");
            }

            // Large tensors on pages of 2 MB: filling fresh memory is bound by the faults of 4 kB pages otherwise.
            Set("THP_MEM_ALLOC_ENABLE", "1");
        }
    }

    /// <summary>Whether at most half of the processors were at work in the last minute.</summary>
    private static bool Idle()
    {
        try
        {
            var average = File.ReadAllText("/proc/loadavg").Split(' ')[0];
            return double.Parse(average, CultureInfo.InvariantCulture) <= Environment.ProcessorCount / 2.0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
        {
            // A system without that file says nothing of its load.
            return false;
        }
    }

    private static void Set(string name, string value)
    {
        if (SetEnvironmentVariable(name, value, overwrite: 0) != 0)
        {
            throw new InvalidOperationException($"{name} cannot be set (errno {Marshal.GetLastPInvokeError()})");
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int SetEnvironmentVariable(string name, string value, int overwrite);
}
