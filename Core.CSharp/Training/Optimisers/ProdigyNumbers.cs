using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>The estimate of <see cref="Prodigy"/> as its kernels keep it, so that no step waits for the device.</summary>
internal sealed class ProdigyNumbers : IDisposable
{
    private const int KeptCount = 4;
    private const int All = 6;

    /// <param name="device">Where it is kept.</param>
    /// <param name="kept">As <see cref="Kept"/> gives it.</param>
    public ProdigyNumbers(Device device, double[] kept)
    {
        using var none = no_grad();
        Values = zeros(All, ScalarType.Float64, device).DetachFromDisposeScope();
        Figures = zeros(1, ScalarType.Float32, device).DetachFromDisposeScope();
        Set(kept);
    }

    /// <summary>
    /// Float64 [6], the structure Numbers of prodigy.cu: distance, greatest distance, numerator and steps; the last step's
    /// size, and 1 where it moved the weights.
    /// </summary>
    public Tensor Values { get; }

    /// <summary>The distance to be reported, float32 [1].</summary>
    public Tensor Figures { get; }

    /// <summary>The distance; waits for the device.</summary>
    public double Distance
    {
        get
        {
            using var scope = NewDisposeScope();
            return Values.cpu().data<double>()[0];
        }
    }

    /// <summary>What a checkpoint keeps, float64 [4] on the CPU: distance, greatest distance, numerator, steps.</summary>
    public Tensor Kept()
    {
        using var scope = NewDisposeScope();
        return Values[..KeptCount].to(CPU, copy: true).MoveToOuterDisposeScope();
    }

    /// <summary>Takes back what <see cref="Kept"/> gave.</summary>
    public void Set(double[] kept)
    {
        using var scope = NewDisposeScope();
        using var none = no_grad();
        Values[..KeptCount].copy_(tensor(kept));
        Figures.fill_(kept[0]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Values.Dispose();
        Figures.Dispose();
    }
}
