using System.Runtime.InteropServices;

namespace Recipes.Core.Native;

/// <summary>The few functions of CUDA's driver that loading and starting a kernel takes.</summary>
internal sealed unsafe class CudaDriver
{
    private const int MajorAttribute = 75;
    private const int MinorAttribute = 76;
    private const int ProcessorsAttribute = 16;
    private const int NameRoom = 256;

    private static readonly Lazy<CudaDriver?> Found = new(() => Library == IntPtr.Zero ? null : new CudaDriver(Library));

    private static readonly Lazy<IntPtr> Loaded = new(
        () => NativeLibrary.TryLoad(
            OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1", out var library) ? library : IntPtr.Zero);

    private readonly delegate* unmanaged<IntPtr*, void*, int> load;
    private readonly delegate* unmanaged<IntPtr*, IntPtr, byte*, int> function;
    private readonly delegate* unmanaged<IntPtr, uint, uint, uint, uint, uint, uint, uint, IntPtr, void**, void**, int>
        launch;

    private readonly delegate* unmanaged<int, byte**, int> describe;
    private readonly delegate* unmanaged<IntPtr*, int> current;
    private readonly delegate* unmanaged<IntPtr, int> use;
    private readonly IntPtr context;

    private CudaDriver(IntPtr library)
    {
        load = (delegate* unmanaged<IntPtr*, void*, int>)NativeLibrary.GetExport(library, "cuModuleLoadData");
        function =
            (delegate* unmanaged<IntPtr*, IntPtr, byte*, int>)NativeLibrary.GetExport(library, "cuModuleGetFunction");
        launch =
            (delegate* unmanaged<
                IntPtr, uint, uint, uint, uint, uint, uint, uint, IntPtr, void**, void**, int>)NativeLibrary.GetExport(
                library, "cuLaunchKernel");
        describe = (delegate* unmanaged<int, byte**, int>)NativeLibrary.GetExport(library, "cuGetErrorString");
        var attribute =
            (delegate* unmanaged<int*, int, int, int>)NativeLibrary.GetExport(library, "cuDeviceGetAttribute");
        var version = (delegate* unmanaged<int*, int>)NativeLibrary.GetExport(library, "cuDriverGetVersion");
        current = (delegate* unmanaged<IntPtr*, int>)NativeLibrary.GetExport(library, "cuCtxGetCurrent");
        use = (delegate* unmanaged<IntPtr, int>)NativeLibrary.GetExport(library, "cuCtxSetCurrent");
        context = Current();
        var title = (delegate* unmanaged<byte*, int, int, int>)NativeLibrary.GetExport(library, "cuDeviceGetName");
        var text = stackalloc byte[NameRoom];
        Check(title(text, NameRoom, 0), "cuDeviceGetName");
        Name = Marshal.PtrToStringUTF8((IntPtr)text) ?? "";
        int major, minor, processors, number;
        Check(attribute(&major, MajorAttribute, 0), "cuDeviceGetAttribute");
        Check(attribute(&minor, MinorAttribute, 0), "cuDeviceGetAttribute");
        Check(attribute(&processors, ProcessorsAttribute, 0), "cuDeviceGetAttribute");
        Check(version(&number), "cuDriverGetVersion");
        Architecture = $"sm_{major}{minor}";
        Capability = (major * 10) + minor;
        Processors = processors;
        Version = number;
    }

    /// <summary>The driver's library; zero where there is none.</summary>
    public static IntPtr Library => Loaded.Value;

    /// <summary>The driver; null where there is none. Something must have used the device before.</summary>
    public static CudaDriver? Instance => Found.Value;

    /// <summary>The first device's name.</summary>
    public string Name { get; }

    /// <summary>The first device's architecture, such as sm_90.</summary>
    public string Architecture { get; }

    /// <summary>The same as a number: 90.</summary>
    public int Capability { get; }

    /// <summary>Multiprocessors of the first device.</summary>
    public int Processors { get; }

    /// <summary>The CUDA version the driver supports: 13000 for 13.0.</summary>
    public int Version { get; }

    /// <summary>Loads a compiled module into the current context.</summary>
    /// <exception cref="RecipesException">The driver refuses it.</exception>
    public IntPtr Load(byte[] cubin)
    {
        IntPtr module;
        fixed (byte* image = cubin)
        {
            Check(load(&module, image), "cuModuleLoadData");
        }

        return module;
    }

    /// <summary>A kernel of a module.</summary>
    public IntPtr Function(IntPtr module, string name)
    {
        IntPtr found;
        var text = Marshal.StringToCoTaskMemUTF8(name);
        try
        {
            Check(function(&found, module, (byte*)text), $"cuModuleGetFunction {name}");
        }
        finally
        {
            Marshal.FreeCoTaskMem(text);
        }

        return found;
    }

    /// <summary>Starts a kernel on a stream.</summary>
    /// <param name="kernel">From <see cref="Function"/>.</param>
    /// <param name="grid">Blocks across and down.</param>
    /// <param name="block">Threads of a block across and down.</param>
    /// <param name="shared">Bytes of shared memory a block.</param>
    /// <param name="stream">CUDA's handle.</param>
    /// <param name="first">A structure that is the first argument; empty for none.</param>
    /// <param name="arguments">One slot each; smaller values lie in the low bytes.</param>
    public void Launch(
        IntPtr kernel,
        (int X, int Y) grid,
        (int X, int Y) block,
        int shared,
        IntPtr stream,
        ReadOnlySpan<byte> first,
        ReadOnlySpan<long> arguments)
    {
        if (Current() == IntPtr.Zero)
        {
            // A thread of libtorch's that has not used the device yet.
            Check(use(context), "cuCtxSetCurrent");
        }

        var pointers = stackalloc void*[arguments.Length + 1];
        fixed (byte* structure = first)
        fixed (long* slots = arguments)
        {
            var count = 0;
            if (!first.IsEmpty)
            {
                pointers[count++] = structure;
            }

            for (var i = 0; i < arguments.Length; i++)
            {
                pointers[count++] = slots + i;
            }

            Check(
                launch(
                    kernel,
                    (uint)grid.X,
                    (uint)grid.Y,
                    1,
                    (uint)block.X,
                    (uint)block.Y,
                    1,
                    (uint)shared,
                    stream,
                    pointers,
                    null),
                "cuLaunchKernel");
        }
    }

    private IntPtr Current()
    {
        IntPtr found;
        Check(current(&found), "cuCtxGetCurrent");
        return found;
    }

    private void Check(int code, string call)
    {
        if (code == 0)
        {
            return;
        }

        byte* text = null;
        _ = describe(code, &text);
        throw new RecipesException(
            "CUDA",
            $"{call} failed with error {code} ({Marshal.PtrToStringUTF8((IntPtr)text) ?? "unknown"})",
            "Set RECIPES_FUSED=0 to compute without this program's own kernels.");
    }
}
