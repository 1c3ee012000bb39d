using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>Tells when an allocation failed, which libtorch reports as any other error, by its words.</summary>
public static class OutOfMemory
{
    private static readonly string[] Signs =
        ["out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"];

    /// <summary>Whether memory of the host or of a device ran out.</summary>
    public static bool Is(Exception error) =>
        error is OutOfMemoryException
        || (error is ExternalException or RecipesException { Where: "CUDA" }
            && Signs.Any(sign => error.Message.Contains(sign, StringComparison.OrdinalIgnoreCase)))
        || (error is AggregateException { InnerException: { } inner } && Is(inner));

    /// <summary>The error as libtorch words it: its line about the allocation.</summary>
    public static string Line(Exception error)
    {
        var lines = error.GetBaseException().Message.Split('\n', StringSplitOptions.TrimEntries);
        var line = lines.FirstOrDefault(
            line => Signs.Any(sign => line.Contains(sign, StringComparison.OrdinalIgnoreCase)), lines[0]);
        return line.TrimEnd('.');
    }
}
