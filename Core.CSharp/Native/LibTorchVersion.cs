using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Recipes.Core.Native;

/// <summary>Finds out a libtorch's version.</summary>
internal static partial class LibTorchVersion
{
    /// <summary>
    /// From the version.py beside a Python PyTorch's lib folder, which names the CUDA version too; else from the
    /// library's function <c>aoti_torch_abi_version</c> (major, minor and patch in the three highest bytes);
    /// else unknown.
    /// </summary>
    public static unsafe string Of(string folder, IntPtr torchCpu)
    {
        var python = Path.Combine(folder, "..", "version.py");
        if (File.Exists(python) && Stated().Match(File.ReadAllText(python)) is { Success: true } match)
        {
            return match.Groups[1].Value;
        }

        if (!NativeLibrary.TryGetExport(torchCpu, "aoti_torch_abi_version", out var function))
        {
            return "unknown";
        }

        var packed = ((delegate* unmanaged<ulong>)function)();
        return $"{packed >> 56}.{(packed >> 48) & 0xff}.{(packed >> 40) & 0xff}";
    }

    [GeneratedRegex("""^__version__\s*=\s*['"]([^'"]+)['"]""", RegexOptions.Multiline)]
    private static partial Regex Stated();
}
