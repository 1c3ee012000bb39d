using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Recipes.Core.Native;

/// <summary>Finds ONNX Runtime's native library in the folder onnxruntime/ beside the program.</summary>
internal static class OnnxLibrary
{
    private static readonly Lock Gate = new();
    private static bool isReady;

    /// <summary>Makes the library findable; to be called before anything else of ONNX Runtime.</summary>
    /// <exception cref="RecipesException">The library is not there.</exception>
    public static void Load()
    {
        lock (Gate)
        {
            if (!isReady)
            {
                var path = Find(Places.Folders);
                OrtEnv.DisableDllImportResolver = true;
                NativeLibrary.SetDllImportResolver(
                    typeof(OrtEnv).Assembly,
                    (name, assembly, search) => name.Contains("onnxruntime", StringComparison.Ordinal)
                        && NativeLibrary.TryLoad(path, out var handle) ? handle : IntPtr.Zero);
                isReady = true;
            }
        }
    }

    /// <summary>The library's path below one of the folders.</summary>
    internal static string Find(IReadOnlyList<string> folders)
    {
        var file = Path.Combine("onnxruntime", Places.FileName("onnxruntime"));
        return folders.Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists)
            ?? throw new RecipesException(
                file, "it does not lie beside the program, which was published without it",
                "Publish without -p:Onnx=none and -p:Torch=none, or make the control pictures elsewhere.");
    }
}
