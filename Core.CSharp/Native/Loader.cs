using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>What is loaded.</summary>
/// <param name="Folder">libtorch's folder.</param>
/// <param name="Source">Who chose it.</param>
/// <param name="Version">libtorch's version.</param>
/// <param name="Library">TorchSharp's native library.</param>
/// <param name="Mended">Whether that is a mended copy.</param>
/// <param name="Handle">Its handle.</param>
/// <param name="Parts">The handles of libtorch's parts by name.</param>
internal sealed record Loaded(
    string Folder,
    string Source,
    string Version,
    string Library,
    bool Mended,
    IntPtr Handle,
    IReadOnlyDictionary<string, IntPtr> Parts)
{
    /// <summary>The handle of a part such as torch_cuda; zero where this libtorch has none.</summary>
    public IntPtr Part(string name) => Parts.GetValueOrDefault(name);
}

/// <summary>Loads libtorch from the chosen folder and TorchSharp's native library on top of it, once.</summary>
internal static class Loader
{
    /// <summary>The variable that names another libtorch.</summary>
    public const string Variable = "RECIPES_LIBTORCH";

    // A dependency is found without any search path when it was loaded before what depends on it.
    private static readonly string[] Order = ["c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch"];

    private static readonly Lock Gate = new();
    private static (string Folder, string Source)? chosen;
    private static Loaded? loaded;

    /// <summary>Sets the folder to load from.</summary>
    public static void Choose(string folder, string source)
    {
        Check(folder, source);
        lock (Gate)
        {
            if (loaded is not null && !SameFolder(loaded.Folder, folder))
            {
                throw InUse(folder, source, loaded.Folder);
            }

            chosen = (folder, source);
        }
    }

    /// <summary>Loads everything unless that was done before.</summary>
    /// <exception cref="RecipesException">Something is missing or does not load.</exception>
    public static Loaded Load()
    {
        lock (Gate)
        {
            return loaded ??= LoadOnce();
        }
    }

    /// <summary>Whether this is a folder with libtorch in it; the error names who asked for it.</summary>
    internal static void Check(string folder, string source)
    {
        var missing = new[] { "c10", "torch_cpu" }.Select(Places.FileName)
            .Where(file => !File.Exists(Path.Combine(folder, file)))
            .ToList();
        if (missing.Count == 0)
        {
            return;
        }

        var inner = Path.Combine(folder, "lib");
        throw new RecipesException(
            source,
            Directory.Exists(folder)
                ? $"{folder} holds no {string.Join(" and no ", missing)}"
                : $"there is no folder {folder}",
            File.Exists(Path.Combine(inner, Places.FileName("torch_cpu")))
                ? $"Name the folder {inner} instead."
                : "Name the folder of a libtorch (torch/lib of Python's PyTorch), or leave the setting out.");
    }

    private static Loaded LoadOnce()
    {
        var (folder, source) = Locate();
        NativeVariables.Set();
        var parts = new Dictionary<string, IntPtr>();
        foreach (var name in Order)
        {
            var file = Path.Combine(folder, Places.FileName(name));
            if (File.Exists(file))
            {
                parts[name] = LoadPart(file, source);
            }
        }

        CheckBinaryInterface(folder, source, parts["c10"]);
        var (library, mended, handle) = Bindings.Load();
        Nnpack.SwitchOff(parts["torch_cpu"]);
        var version = LibTorchVersion.Of(folder, parts["torch_cpu"]);
        return new Loaded(folder, source, version, library, mended, handle, parts);
    }

    private static (string Folder, string Source) Locate()
    {
        var choice = chosen;
        if (choice is null && Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
        {
            choice = (Path.GetFullPath(named), Variable);
            Check(choice.Value.Folder, Variable);
        }

        // LD_LIBRARY_PATH or the script itself can have brought a libtorch in; a second one would break the process.
        var present = LoadedBefore();
        if (choice is { } wanted)
        {
            return present is null || SameFolder(present, wanted.Folder)
                ? wanted
                : throw InUse(wanted.Folder, wanted.Source, present);
        }

        if (present is not null)
        {
            return (present, "loaded before");
        }

        var file = Places.Find(Places.FileName("torch_cpu")) ?? throw new RecipesException(
            "libtorch",
            $"{Places.FileName("torch_cpu")} lies neither in {Places.Text}",
            $"Build again without -p:Torch=none, or set {Variable} to an existing libtorch (torch/lib of PyTorch).");
        return (Path.GetDirectoryName(file)!, "packaged");
    }

    private static IntPtr LoadPart(string file, string source)
    {
        try
        {
            return NativeLibrary.Load(file);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new RecipesException(
                $"libtorch ({source})",
                $"{file} does not load\n  ({Reason(e)})",
                source == "packaged"
                    ? $"Install what is named there, or set {Variable} to the folder of a libtorch that works here."
                    : "Install what is named there, or leave the setting out to use the packaged libtorch.",
                e);
        }
    }

    /// <summary>
    /// Refuses a libtorch of the C++ library's old binary interface: with it, the first call that passes a string
    /// would end the process.
    /// </summary>
    private static void CheckBinaryInterface(string folder, string source, IntPtr c10)
    {
        const string Constructor =
            "_ZN3c105ErrorC1ENS_14SourceLocationENSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE";
        if (OperatingSystem.IsLinux() && !NativeLibrary.TryGetExport(c10, Constructor, out _))
        {
            throw new RecipesException(
                $"libtorch ({source})",
                $"{folder} was built with the old C++ binary interface, as older PyTorch packages were",
                "Install PyTorch 2.10 or later, or leave the setting out to use the packaged libtorch.");
        }
    }

    /// <summary>The operating system's reason, without the runtime's advice around it.</summary>
    internal static string Reason(Exception e)
    {
        var line = e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^1];
        return (line.Length > 300 ? line[..300] + "…" : line).TrimEnd('.');
    }

    private static RecipesException InUse(string folder, string source, string present) => new(
        source,
        $"it names {folder}, but the libtorch of {present} is loaded already",
        "Choose the folder before the first use of TorchSharp, and take other ones out of LD_LIBRARY_PATH.");

    /// <summary>The folder of the libtorch that this process has mapped, where the system tells.</summary>
    private static string? LoadedBefore()
    {
        const string Maps = "/proc/self/maps";
        var line = File.Exists(Maps)
            ? File.ReadLines(Maps).FirstOrDefault(line => line.EndsWith("/libtorch_cpu.so", StringComparison.Ordinal))
            : null;
        return line is null ? null : Path.GetDirectoryName(line[line.IndexOf('/')..]);
    }

    private static bool SameFolder(string a, string b) => Real(a) == Real(b);

    /// <summary>The folder of the file itself, links followed.</summary>
    private static string? Real(string folder)
    {
        var file = new FileInfo(Path.Combine(folder, Places.FileName("torch_cpu")));
        var target = file.ResolveLinkTarget(returnFinalTarget: true)?.FullName ?? file.FullName;
        return Path.TrimEndingDirectorySeparator(Path.GetDirectoryName(target)!);
    }
}
