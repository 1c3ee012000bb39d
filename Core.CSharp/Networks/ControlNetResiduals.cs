using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>What a ControlNet adds to a UNet.</summary>
/// <param name="Down">One for each skip, from the first convolution on: [batch, width, height, width].</param>
/// <param name="Mid">For the middle block.</param>
public sealed record ControlNetResiduals(IReadOnlyList<Tensor> Down, Tensor Mid) : IDisposable
{
    /// <summary>These and another network's together.</summary>
    public ControlNetResiduals Plus(ControlNetResiduals other) =>
        new([.. Down.Zip(other.Down, (a, b) => a.add(b))], Mid.add(other.Mid));

    /// <summary>Zeros for as many samples in front: no control for the first half of a guided batch.</summary>
    public ControlNetResiduals AfterZeros() => Each(residual => cat([zeros_like(residual), residual], 0));

    /// <summary>All of them by one factor.</summary>
    public ControlNetResiduals Times(double factor) => Each(residual => residual.mul(factor));

    /// <summary>
    /// In guess mode: by a factor that rises from a tenth of the given one at the finest level to all of it at the
    /// middle block, evenly on a logarithmic scale.
    /// </summary>
    public ControlNetResiduals TimesRising(double factor) =>
        new(
            [.. Down.Select((down, index) => down.mul(factor * Math.Pow(10, ((double)index / Down.Count) - 1)))],
            Mid.mul(factor));

    private ControlNetResiduals Each(Func<Tensor, Tensor> map) => new([.. Down.Select(map)], map(Mid));

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var residual in Down)
        {
            residual.Dispose();
        }

        Mid.Dispose();
    }
}
