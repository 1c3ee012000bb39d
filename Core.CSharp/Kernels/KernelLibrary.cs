using System.Security.Cryptography;
using System.Text;
using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>
/// This project's CUDA kernels, compiled on first use for the device at hand. The machine code is kept in the user's
/// cache folder under a hash of the source, the architecture, and the versions of compiler and driver.
/// </summary>
internal sealed class KernelLibrary
{
    /// <summary>Set to 0, the variable switches these kernels off.</summary>
    public const string Variable = "RECIPES_FUSED";

    /// <summary>The least architecture that converts to bfloat16 by one instruction.</summary>
    private const int LeastCapability = 80;

    private const int MostCounters = 65536;

    private const string Prefix = "Recipes.Core.Kernels.";
    private static readonly string[] Sources =
    [
        "common.cuh", "group_norm.cu", "group_norm_backward.cu", "layer_norm.cu", "elementwise.cu", "dropout.cu",
        "random.cu", "sampler.cu", "tensors.cuh", "adamw.cu", "lion.cu", "prodigy.cu",
    ];

    private static readonly Lazy<(KernelLibrary? Library, string Reason)> Found = new(Find);

    private readonly CudaDriver driver;
    private readonly CudaSymbols symbols;
    private readonly IntPtr module;
    private readonly Dictionary<string, IntPtr> kernels = [];
    private readonly Tensor counters;

    private KernelLibrary(CudaDriver driver, CudaSymbols symbols, Nvrtc compiler)
    {
        this.driver = driver;
        this.symbols = symbols;
        counters = zeros(MostCounters, ScalarType.Int32, CUDA).DetachFromDisposeScope();
        var source = Source();
        string[] options = [$"--gpu-architecture={driver.Architecture}", "--std=c++17"];
        var key = $"{source}\0{string.Join(' ', options)}\0{compiler.Version}\0{driver.Version}";
        var name = $"kernels-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))[..24]}.cubin";
        module = LoadKept(name) ?? LoadCompiled(name, () => compiler.Compile(source, "kernels.cu", options));
    }

    /// <summary>The kernels; null where they cannot run.</summary>
    public static KernelLibrary? Instance => Found.Value.Library;

    /// <summary>Why there are none, as a sentence's end.</summary>
    public static string Reason => Found.Value.Reason;

    /// <summary>Multiprocessors of the device.</summary>
    public int Processors => driver.Processors;

    /// <summary>
    /// The address of so many counters at 0, which every launch leaves at 0. Launches that use them follow one another.
    /// </summary>
    public long Counters(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MostCounters);
        return KernelArgument.Of(counters);
    }

    /// <summary>All sources in one text, as it is compiled.</summary>
    internal static string Source()
    {
        var text = new StringBuilder();
        foreach (var name in Sources)
        {
            using var stream = typeof(KernelLibrary).Assembly.GetManifestResourceStream(Prefix + name)
                ?? throw new InvalidOperationException($"the assembly lacks {name}");
            using var reader = new StreamReader(stream);
            text.Append(reader.ReadToEnd());
        }

        return text.ToString();
    }

    /// <summary>Starts a kernel on the current stream.</summary>
    /// <param name="name">The function.</param>
    /// <param name="grid">Blocks across and down.</param>
    /// <param name="block">Threads of a block across and down.</param>
    /// <param name="shared">Bytes of shared memory a block.</param>
    /// <param name="arguments">As <see cref="KernelArgument"/> makes them.</param>
    public void Launch(
        string name, (int X, int Y) grid, (int X, int Y) block, int shared, params ReadOnlySpan<long> arguments) =>
        driver.Launch(Kernel(name), grid, block, shared, Stream(), default, arguments);

    /// <summary>Starts a kernel whose first argument is a structure.</summary>
    /// <param name="name">The function.</param>
    /// <param name="grid">Blocks across and down.</param>
    /// <param name="block">Threads of a block across and down.</param>
    /// <param name="first">The structure's bytes.</param>
    /// <param name="arguments">The others, as <see cref="KernelArgument"/> makes them.</param>
    public void Launch(
        string name,
        (int X, int Y) grid,
        (int X, int Y) block,
        ReadOnlySpan<byte> first,
        params ReadOnlySpan<long> arguments) =>
        driver.Launch(Kernel(name), grid, block, 0, Stream(), first, arguments);

    private unsafe IntPtr Stream()
    {
        var stream = symbols.CurrentStream(-1);
        return symbols.RawStream(&stream);
    }

    /// <summary>The driver's handle of a kernel.</summary>
    public IntPtr Kernel(string name)
    {
        IntPtr kernel;
        lock (kernels)
        {
            if (!kernels.TryGetValue(name, out kernel))
            {
                kernel = driver.Function(module, name);
                kernels.Add(name, kernel);
            }
        }

        return kernel;
    }

    private static (KernelLibrary?, string) Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) == "0")
        {
            return (null, $"{Variable}=0 switches them off");
        }

        if (!cuda_is_available())
        {
            return (null, "there is no CUDA device");
        }

        if (CudaSymbols.Instance is not { } symbols)
        {
            return (null, CudaSymbols.Reason);
        }

        // Makes libtorch set up the device, whose context the driver's functions then use.
        zeros(1, device: CUDA).Dispose();
        if (CudaDriver.Instance is not { } driver)
        {
            return (null, "the CUDA driver library is not found");
        }

        if (driver.Capability < LeastCapability)
        {
            return (null, $"the device is {driver.Architecture}, older than sm_{LeastCapability}");
        }

        return Nvrtc.Instance is { } compiler
            ? (new KernelLibrary(driver, symbols, compiler), "")
            : (null, "CUDA's run-time compiler (libnvrtc) is not found");
    }

    private IntPtr? LoadKept(string name)
    {
        foreach (var path in Bindings.CacheFolders().Select(folder => Path.Combine(folder, name)).Where(File.Exists))
        {
            try
            {
                return driver.Load(File.ReadAllBytes(path));
            }
            catch (Exception e) when (e is RecipesException or IOException or UnauthorizedAccessException)
            {
                // A damaged file: it is compiled and written anew.
                continue;
            }
        }

        return null;
    }

    private IntPtr LoadCompiled(string name, Func<byte[]> compile)
    {
        var cubin = compile();
        foreach (var folder in Bindings.CacheFolders())
        {
            try
            {
                Bindings.Store(folder, name, cubin);
                break;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another folder may do; without any it is compiled at every start.
                continue;
            }
        }

        return driver.Load(cubin);
    }
}
