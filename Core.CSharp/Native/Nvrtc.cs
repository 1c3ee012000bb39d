using System.Runtime.InteropServices;
using System.Text;

namespace Recipes.Core.Native;

/// <summary>CUDA's run-time compiler, which comes with every libtorch for CUDA.</summary>
internal sealed unsafe class Nvrtc
{
    private static readonly Lazy<Nvrtc?> Found = new(Find);

    private readonly IntPtr library;

    private Nvrtc(IntPtr library)
    {
        this.library = library;
        int major, minor;
        Version = ((delegate* unmanaged<int*, int*, int>)Export("nvrtcVersion"))(&major, &minor) == 0
            ? $"{major}.{minor}"
            : "unknown";
    }

    /// <summary>The compiler; null where none is found.</summary>
    public static Nvrtc? Instance => Found.Value;

    /// <summary>Its version, such as 13.0.</summary>
    public string Version { get; }

    /// <summary>Compiles CUDA C to machine code.</summary>
    /// <param name="source">The text.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="options">Such as --gpu-architecture=sm_90.</param>
    /// <exception cref="RecipesException">It does not compile; the compiler's first lines are named.</exception>
    public byte[] Compile(string source, string name, params IReadOnlyList<string> options)
    {
        var create = (delegate* unmanaged<IntPtr*, byte*, byte*, int, byte**, byte**, int>)Export("nvrtcCreateProgram");
        var compile = (delegate* unmanaged<IntPtr, int, byte**, int>)Export("nvrtcCompileProgram");
        var size = (delegate* unmanaged<IntPtr, nuint*, int>)Export("nvrtcGetCUBINSize");
        var get = (delegate* unmanaged<IntPtr, byte*, int>)Export("nvrtcGetCUBIN");
        var destroy = (delegate* unmanaged<IntPtr*, int>)Export("nvrtcDestroyProgram");
        IntPtr program;
        var texts = options.Prepend(name).Prepend(source).Select(Marshal.StringToCoTaskMemUTF8).ToArray();
        try
        {
            Check(create(&program, (byte*)texts[0], (byte*)texts[1], 0, null, null), name, "");
            var arguments = stackalloc byte*[options.Count];
            for (var i = 0; i < options.Count; i++)
            {
                arguments[i] = (byte*)texts[i + 2];
            }

            var code = compile(program, options.Count, arguments);
            Check(code, name, code == 0 ? "" : Log(program));
            nuint count;
            Check(size(program, &count), name, "");
            var cubin = new byte[count];
            fixed (byte* to = cubin)
            {
                Check(get(program, to), name, "");
            }

            _ = destroy(&program);
            return cubin;
        }
        finally
        {
            foreach (var text in texts)
            {
                Marshal.FreeCoTaskMem(text);
            }
        }
    }

    private string Log(IntPtr program)
    {
        var size = (delegate* unmanaged<IntPtr, nuint*, int>)Export("nvrtcGetProgramLogSize");
        var get = (delegate* unmanaged<IntPtr, byte*, int>)Export("nvrtcGetProgramLog");
        nuint count;
        if (size(program, &count) != 0)
        {
            return "";
        }

        var log = new byte[count];
        fixed (byte* to = log)
        {
            _ = get(program, to);
        }

        var lines = Encoding.UTF8.GetString(log).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return string.Join("\n  ", lines.Take(4)).TrimEnd('\0');
    }

    private IntPtr Export(string name) => NativeLibrary.GetExport(library, name);

    private static void Check(int code, string name, string log)
    {
        if (code != 0)
        {
            throw new RecipesException(
                name,
                $"the CUDA compiler refuses it with error {code}\n  {log}",
                "Set RECIPES_FUSED=0 to compute without this program's own kernels.");
        }
    }

    /// <summary>
    /// Beside libtorch, where Python packages and the CUDA toolkit put it, or wherever the system finds it.
    /// </summary>
    private static Nvrtc? Find()
    {
        if (OperatingSystem.IsWindows())
        {
            return null;
        }

        var torch = Loader.Load().Folder;
        var packages = Path.Combine(torch, "..", "..", "nvidia");
        string[] folders =
        [
            torch,
            .. Folders(packages).Select(folder => Path.Combine(folder, "lib")),
            Path.Combine(Environment.GetEnvironmentVariable("CUDA_HOME") ?? "/usr/local/cuda", "lib64"),
        ];
        var files = folders.Where(Directory.Exists)
            .SelectMany(folder => Directory.GetFiles(folder, "libnvrtc.so*").Order())
            .Append("libnvrtc.so");
        foreach (var file in files)
        {
            if (NativeLibrary.TryLoad(file, out var library))
            {
                return new Nvrtc(library);
            }
        }

        return null;
    }

    private static IEnumerable<string> Folders(string folder) =>
        Directory.Exists(folder) ? Directory.GetDirectories(folder).Order() : [];
}
