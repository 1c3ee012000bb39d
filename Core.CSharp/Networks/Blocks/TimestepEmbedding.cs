using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Blocks;

/// <summary>Sinusoids of numbers, and the two linear maps with SiLU between them that embed those.</summary>
internal sealed class TimestepEmbedding : nn.Module<Tensor, Tensor>
{
    private const double MaxPeriod = 10000;

    private readonly Linear linear_1;
    private readonly Linear linear_2;

    public TimestepEmbedding(long inFeatures, long width, Device? device, ScalarType? dtype)
        : base(nameof(TimestepEmbedding))
    {
        linear_1 = new Linear(inFeatures, width, device: device, dtype: dtype);
        linear_2 = new Linear(width, width, device: device, dtype: dtype);
        RegisterComponents();
    }

    /// <summary>
    /// Float32 sinusoids [n, width] of n numbers, with frequencies 10000^(-i / (width/2 - shift)) (Ho et al. 2020,
    /// after Vaswani et al. 2017, section 3.5).
    /// </summary>
    /// <param name="numbers">[n].</param>
    /// <param name="width">Sines and cosines together.</param>
    /// <param name="cosineFirst">Whether the cosines make the first half.</param>
    /// <param name="shift">Taken off the number of frequencies in the exponent.</param>
    public static Tensor Sinusoids(Tensor numbers, long width, bool cosineFirst, double shift)
    {
        using var scope = NewDisposeScope();
        var half = width / 2;
        var exponents = arange(half, dtype: ScalarType.Float32, device: numbers.device) * -Math.Log(MaxPeriod);
        var frequencies = exponents.div_(half - shift).exp_();
        var angles = numbers.to_type(ScalarType.Float32).unsqueeze(1) * frequencies.unsqueeze(0);
        var (first, second) = cosineFirst ? (angles.cos(), angles.sin()) : (angles.sin(), angles.cos());
        var odd = width % 2 == 1 ? zeros(numbers.shape[0], 1, device: numbers.device) : null;
        var sinusoids = odd is null ? cat([first, second], 1) : cat([first, second, odd], 1);
        return sinusoids.MoveToOuterDisposeScope();
    }

    /// <summary>Sinusoids [n, in] to embeddings [n, width]; computed in the type of the weights.</summary>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var hidden = linear_1.forward(input.to_type(linear_1.Weight.dtype));
        return linear_2.forward(hidden.silu()).MoveToOuterDisposeScope();
    }
}
