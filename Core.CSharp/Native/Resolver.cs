using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using TorchSharp;

namespace Recipes.Core.Native;

/// <summary>
/// Stands where the runtime looks for native libraries, so that TorchSharp and SkiaSharp find theirs under every host:
/// dotnet run, the tests, a published tool and dotnet fsi. Registering loads no native code.
/// </summary>
internal static class Resolver
{
    private const string Bindings = "LibTorchSharp";

    [ModuleInitializer]
    [SuppressMessage(
        "Usage",
        "CA2255:The 'ModuleInitializer' attribute should not be used in libraries",
        Justification = "Scripts use TorchSharp through this library without any call that could register it.")]
    internal static void Register()
    {
        var torchSharp = typeof(torch).Assembly;
        NativeLibrary.SetDllImportResolver(torchSharp, Import);
        var own = AssemblyLoadContext.GetLoadContext(typeof(Resolver).Assembly)!;
        own.ResolvingUnmanagedDll += Probe;
        var other = AssemblyLoadContext.GetLoadContext(torchSharp)!;
        if (other != own)
        {
            other.ResolvingUnmanagedDll += Probe;
        }
    }

    /// <summary>For TorchSharp's imported functions. What the loader throws reaches the caller.</summary>
    private static IntPtr Import(string name, Assembly assembly, DllImportSearchPath? path) =>
        name == Bindings ? Loader.Load().Handle : IntPtr.Zero;

    /// <summary>For names that the runtime found nowhere: TorchSharp's own probing, and SkiaSharp's library.</summary>
    private static IntPtr Probe(Assembly assembly, string name) => assembly.GetName().Name switch
    {
        "TorchSharp" => ProbeTorch(name),
        "SkiaSharp" when Places.Find(Places.FileName("SkiaSharp")) is { } file => NativeLibrary.Load(file),
        _ => IntPtr.Zero,
    };

    private static IntPtr ProbeTorch(string name)
    {
        try
        {
            return name switch
            {
                Bindings => Loader.Load().Handle,
                "torch_cpu" or "torch_cuda" => Loader.Load().Part(name),
                _ => IntPtr.Zero,
            };
        }
        catch (RecipesException) when (name == Bindings)
        {
            // TorchSharp would swallow the error and print a page of its own. With any handle it goes on to its first
            // imported function, where Import throws the same error to the caller.
            return NativeLibrary.GetMainProgramHandle();
        }
    }
}
