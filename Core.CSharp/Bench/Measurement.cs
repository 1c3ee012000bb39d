using System.Diagnostics;
using Recipes.Core.Kernels;
using Recipes.Core.Native;
using Recipes.Core.Networks;
using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>Timing and random weights for the benchmarks.</summary>
internal static class Measurement
{
    /// <summary>Numbers that SDXL is told of sizes and offsets.</summary>
    private const int Sizes = 6;

    /// <summary>The device measured: the first CUDA device, or the CPU.</summary>
    public static Device Device => cuda_is_available() ? CUDA : CPU;

    /// <summary>Bfloat16 on a CUDA device, float32 on the CPU.</summary>
    public static ScalarType Type => cuda_is_available() ? ScalarType.BFloat16 : ScalarType.Float32;

    /// <summary>The device as its maker calls it.</summary>
    public static string DeviceName => cuda_is_available() ? CudaDriver.Instance?.Name ?? "CUDA" : "CPU";

    /// <summary>
    /// Seeds what is drawn on a device without a generator; TorchSharp's own seed for all reaches the CPU alone.
    /// </summary>
    public static void Seed(Device device, long seed)
    {
        if (device.type == TorchSharp.DeviceType.CUDA)
        {
            cuda.manual_seed(seed);
        }
        else
        {
            manual_seed(seed);
        }
    }

    /// <summary>
    /// Fills a network with random weights that keep signals at about their size, drawn on its device; nothing requires
    /// gradients afterwards.
    /// </summary>
    public static void Fill(nn.Module network)
    {
        using var none = no_grad();
        foreach (var module in network.modules().Prepend(network).Distinct())
        {
            foreach (var (name, parameter) in module.named_parameters(recurse: false))
            {
                parameter.requires_grad = false;
                if (parameter.dim() > 1)
                {
                    parameter.normal_(0, 0.7 / Math.Sqrt(parameter.numel() / parameter.shape[0]));
                }
                else
                {
                    parameter.fill_(name == "bias" || module is IAdaptable ? 0.01 : 1);
                }
            }
        }

        FusedNetworks.Prepare(network);
    }

    /// <summary>What some UNets are told besides, at random; null for those that are not.</summary>
    /// <param name="shape">The UNet's.</param>
    /// <param name="rows">Its batch.</param>
    public static UNetConditions? Conditions(UNetConfig shape, int rows) =>
        shape is { AdditionTimeEmbedDim: { } each, ProjectionClassEmbeddingsInputDim: { } all }
            ? new UNetConditions
            {
                PooledText = randn([rows, all - (Sizes * each)], dtype: Type, device: Device),
                TimeIds = rand([rows, Sizes], device: Device).mul_(1024),
            }
            : null;

    /// <summary>Runs a job repeatedly and makes its row.</summary>
    /// <param name="job">Name.</param>
    /// <param name="options">How often.</param>
    /// <param name="cost">What it costs by its shapes.</param>
    /// <param name="setup">Started before the weights were made.</param>
    /// <param name="run">The job; its number, from 0.</param>
    /// <param name="finish">What is left to do when the host has started all, which is no host time.</param>
    /// <param name="recorded">Asked at the end: whether it was replayed.</param>
    public static BenchRow Run(
        string job, BenchOptions options, JobCost cost, Stopwatch setup, Action<long> run, Action<long> finish, Func<bool> recorded)
    {
        Timed(run, finish, 0);
        var ready = setup.Elapsed.TotalSeconds;
        Timed(run, finish, 1);
        DeviceMemory.ResetPeaks();
        PeakMemory.Restart();
        var times = Enumerable.Range(2, options.Runs).Select(number => Timed(run, finish, number)).ToList();
        var memory = DeviceMemory.Read();
        long? process = cuda_is_available() ? null : PeakMemory.Peak;
        return new BenchRow(
            job,
            options.Batch,
            DeviceName,
            Median(times.Select(time => time.Whole)),
            Median(times.Select(time => time.Host)),
            ready,
            recorded(),
            Fused.Enabled && Fused.Available,
            memory?.PeakAllocated,
            memory?.PeakReserved ?? process,
            cost,
            MatmulPeak.FlopsPerSecond);
    }

    private static (double Whole, double Host) Timed(Action<long> run, Action<long> finish, long number)
    {
        var clock = Stopwatch.StartNew();
        run(number);
        var host = clock.Elapsed.TotalMilliseconds;
        finish(number);
        if (cuda_is_available())
        {
            cuda.synchronize();
        }

        return (clock.Elapsed.TotalMilliseconds, host);
    }

    private static double Median(IEnumerable<double> values)
    {
        var ordered = values.Order().ToList();
        return ordered[ordered.Count / 2];
    }
}
