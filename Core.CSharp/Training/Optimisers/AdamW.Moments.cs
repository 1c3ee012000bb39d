using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <content>
/// Moments in bfloat16, which halve the state. They are rounded up or down at random so that the mean is right: rounded
/// to the nearest, the second moment would stand still, as a step changes it by 1/1000 and bfloat16 holds 1/256 (Gupta et
/// al., "Deep Learning with Limited Numerical Precision"; Zamirai et al., "Revisiting BFloat16 Training").
/// </content>
public sealed partial class AdamW
{
    private void StepNarrow(int index, Tensor gradient, double rate, Generator draws)
    {
        var (wideFirst, wideSecond) = (first[index].to(ScalarType.Float32), second[index].to(ScalarType.Float32));
        StepPlain(index, gradient, rate, wideFirst, wideSecond);
        Round(wideFirst, first[index], draws);
        Round(wideSecond, second[index], draws);
    }

    /// <summary>Draws the rounding of a step, by its number alone; on the CPU, as generators of other devices fail.</summary>
    private static Generator RoundingOf(long step) => new((ulong)step, CPU);

    /// <summary>
    /// Adds up to half of bfloat16's last place either way, and rounds to the nearest: the mean is the exact number.
    /// </summary>
    private static void Round(Tensor exact, Tensor to, Generator draws)
    {
        using var scope = NewDisposeScope();
        var place = exact.abs().log2_().floor_().sub_(7).exp2();
        var shift = rand(exact.shape, ScalarType.Float32, CPU, generator: draws).sub_(0.5).to(exact.device);
        to.copy_(exact.addcmul(shift, place, 1));
    }
}
