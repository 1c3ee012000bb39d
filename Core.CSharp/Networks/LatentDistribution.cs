using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>
/// The diagonal normal distribution of a picture's latents, [batch, channels, height, width], unscaled.
/// </summary>
public sealed class LatentDistribution : IDisposable
{
    /// <param name="mean">The most likely latents.</param>
    /// <param name="logVar">Logarithm of their variance.</param>
    public LatentDistribution(Tensor mean, Tensor logVar)
    {
        Mean = mean;
        LogVar = logVar;
    }

    public Tensor Mean { get; }

    /// <summary>Between -30 and 20.</summary>
    public Tensor LogVar { get; }

    /// <summary>The most likely latents: the mean.</summary>
    public Tensor Mode => Mean;

    /// <summary>Latents drawn on the CPU in float32, so that a seed gives the same on every device.</summary>
    public Tensor Sample(Generator generator)
    {
        using var noise = randn(Mean.shape, dtype: ScalarType.Float32, device: CPU, generator: generator);
        return Sample(noise);
    }

    /// <summary>Mean + noise · standard deviation.</summary>
    /// <param name="noise">Standard normal, of the mean's shape.</param>
    public Tensor Sample(Tensor noise)
    {
        using var scope = NewDisposeScope();
        var deviation = LogVar.mul(0.5).exp_();
        return deviation.mul_(noise.to(Mean.dtype, Mean.device)).add_(Mean).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Mean.Dispose();
        LogVar.Dispose();
    }
}
