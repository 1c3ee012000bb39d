using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Denoising;

/// <summary>How far predictions are led from the negative prompt's to the prompt's.</summary>
/// <param name="Scale">s in u + s·(c - u) (Ho and Salimans 2022, equation 6); without effect at 1 and below.</param>
/// <param name="Rescale">
/// φ of Lin et al. 2024, section 3.4: how far the deviation of what comes out is brought back to c's, 0 to 1.
/// </param>
internal readonly record struct Guidance(double Scale, double Rescale)
{
    /// <summary>Whether negative prompts have a part.</summary>
    public bool IsOn => Scale > 1;

    /// <summary>The led prediction.</summary>
    /// <param name="both">Predictions for negative prompts, then for prompts, [2n, ..].</param>
    public Tensor Apply(Tensor both)
    {
        using var scope = NewDisposeScope();
        var halves = both.chunk(2, 0);
        var (negative, positive) = (halves[0], halves[1]);
        var led = negative.add(positive.sub(negative), Scale);
        if (Rescale > 0)
        {
            long[] each = [.. Enumerable.Range(1, (int)led.dim() - 1).Select(dimension => (long)dimension)];
            var ratio = positive.std(each, keepdim: true).div_(led.std(each, keepdim: true));
            led.mul_(ratio.mul_(Rescale).add_(1 - Rescale));
        }

        return led.MoveToOuterDisposeScope();
    }
}
