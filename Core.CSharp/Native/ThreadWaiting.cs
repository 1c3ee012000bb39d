using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>
/// Lets libtorch's threads sleep while they wait for one another. By default they spin, which on a machine that does
/// anything else takes the processor from the very threads that are waited for: ten times slower with one other
/// process per core, and no faster without.
/// </summary>
internal static partial class ThreadWaiting
{
    private const string Policy = "OMP_WAIT_POLICY";

    /// <summary>
    /// Must come before libtorch's OpenMP library loads, which reads the variable then. A value of the user's stays.
    /// .NET's own variables are not those that native code sees, hence setenv.
    /// </summary>
    public static void Sleep()
    {
        if (OperatingSystem.IsLinux() && SetEnvironmentVariable(Policy, "passive", overwrite: 0) != 0)
        {
            throw new InvalidOperationException($"{Policy} cannot be set (errno {Marshal.GetLastPInvokeError()})");
        }
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int SetEnvironmentVariable(string name, string value, int overwrite);
}
