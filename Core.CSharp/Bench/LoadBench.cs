using System.Diagnostics;
using Recipes.Core.Pipelines;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>What loading a model took.</summary>
/// <param name="FileBytes">Size of the weight files.</param>
/// <param name="HeldBytes">Size of the weights in memory, in the types they are held in.</param>
/// <param name="Forgotten">Whether the system forgot the files first, so that the first figures are cold ones.</param>
/// <param name="ReadSeconds">Plain reading of the files, beginning to end: what the disk gives.</param>
/// <param name="LoadSeconds">Loading after the files were forgotten again.</param>
/// <param name="KeepSeconds">
/// Reading the forgotten files into as much new memory as the weights take: what the disk and the memory give together,
/// the least that loading can take on one thread.
/// </param>
/// <param name="WarmReadSeconds">Plain reading of files that the system remembers.</param>
/// <param name="WarmKeepSeconds">Reading those into new memory.</param>
/// <param name="WarmLoadSeconds">Loading then.</param>
/// <param name="WarmCpuSeconds">Processor time of that, on all cores.</param>
/// <param name="MemoryBefore">Bytes the process held before the first load.</param>
/// <param name="MemoryPeak">The most it held during the first load.</param>
public sealed record LoadResult(
    long FileBytes,
    long HeldBytes,
    bool Forgotten,
    double ReadSeconds,
    double LoadSeconds,
    double KeepSeconds,
    double WarmReadSeconds,
    double WarmKeepSeconds,
    double WarmLoadSeconds,
    double WarmCpuSeconds,
    long MemoryBefore,
    long MemoryPeak)
{
    /// <summary>The whole process's peak, libtorch included, by the size of the weights in memory.</summary>
    public double PeakRatio => (double)MemoryPeak / HeldBytes;
}

/// <summary>Measures the loading of a model folder: seconds against the disk's own, and memory.</summary>
public static class LoadBench
{
    /// <param name="folder">A model folder in diffusers layout.</param>
    /// <param name="device">The CPU by default.</param>
    /// <param name="dtype">What the weights become; float32 by default.</param>
    /// <exception cref="RecipesException">The model cannot be loaded.</exception>
    public static LoadResult Run(string folder, Device? device = null, ScalarType? dtype = null)
    {
        if (!Directory.Exists(folder))
        {
            throw new RecipesException(folder, "there is no such folder", "Write one with --write.");
        }

        var files = Directory.GetFiles(folder, "*.safetensors", SearchOption.AllDirectories);
        var forgotten = PageCache.Forget(files);
        var read = PageCache.Read(files);
        PageCache.Forget(files);
        GC.Collect();
        PeakMemory.Restart();
        var before = PeakMemory.Now;
        var (load, _, held) = Load(folder, device, dtype);
        var peak = PeakMemory.Peak;
        var warmRead = PageCache.Read(files);
        var (warmLoad, cpu, _) = Load(folder, device, dtype);
        var warmKeep = PageCache.ReadInto(files, held);
        PageCache.Forget(files);
        var keep = PageCache.ReadInto(files, held);
        var bytes = files.Sum(file => new FileInfo(file).Length);
        return new LoadResult(
            bytes, held, forgotten, read, load, keep, warmRead, warmKeep, warmLoad, cpu, before, peak);
    }

    private static (double Seconds, double Cpu, long Held) Load(string folder, Device? device, ScalarType? dtype)
    {
        using var process = Process.GetCurrentProcess();
        var cpu = process.TotalProcessorTime;
        var watch = Stopwatch.StartNew();
        using var model = StableDiffusionModel.Load(folder, device, dtype);
        var seconds = watch.Elapsed.TotalSeconds;
        process.Refresh();
        nn.Module[] networks = [model.UNet, model.Vae, .. model.TextEncoders];
        var held = networks
            .SelectMany(network => network.parameters())
            .Sum(parameter => parameter.numel() * parameter.element_size());
        return (seconds, (process.TotalProcessorTime - cpu).TotalSeconds, held);
    }
}
