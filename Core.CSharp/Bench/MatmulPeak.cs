using System.Diagnostics;
using static TorchSharp.torch;

namespace Recipes.Core.Bench;

/// <summary>The fastest that the device multiplies matrices, in the type of the benchmarks: what a job is held against.</summary>
public static class MatmulPeak
{
    private const int Trials = 5;
    private const int WarmUps = 3;

    private static readonly Lazy<double> Measured = new(Measure);

    /// <summary>Floating-point operations a second of the best of five trials; measured once.</summary>
    public static double FlopsPerSecond => Measured.Value;

    private static double Measure()
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        var onDevice = cuda_is_available();
        var (side, products) = onDevice ? (8192, 10) : (2048, 1);
        var a = randn([side, side], dtype: Measurement.Type, device: Measurement.Device);
        var b = randn([side, side], dtype: Measurement.Type, device: Measurement.Device);
        Time(WarmUps);
        return Enumerable.Range(0, Trials).Max(_ => products * 2.0 * side * side * side / Time(products));

        double Time(int count)
        {
            var clock = Stopwatch.StartNew();
            for (var i = 0; i < count; i++)
            {
                using var product = a.matmul(b);
            }

            if (onDevice)
            {
                cuda.synchronize();
            }

            return clock.Elapsed.TotalSeconds;
        }
    }
}
