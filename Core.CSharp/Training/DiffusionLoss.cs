using Recipes.Core.Schedules;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>Settings of <see cref="DiffusionLoss"/>.</summary>
public sealed record DiffusionLossOptions
{
    /// <summary>
    /// γ of min-SNR weighting (Hang et al., "Efficient Diffusion Training via Min-SNR Weighting Strategy"); none by
    /// default.
    /// </summary>
    public double? MinSnrGamma { get; init; }

    /// <summary>
    /// λ of prior preservation (Ruiz et al., "DreamBooth"): the batch is then instances followed by as many class
    /// images, and the loss is mean(instances) + λ × mean(class). None by default.
    /// </summary>
    public double? PriorWeight { get; init; }

    /// <summary>
    /// Whether samples weigh by the inverse root of their SNR (Yu et al., "Unmasking Bias in Diffusion Model Training",
    /// arXiv 2310.08442, equation 11); excludes <see cref="MinSnrGamma"/>.
    /// </summary>
    public bool Debiased { get; init; }

    /// <summary>How errors of pixels count.</summary>
    public ErrorOptions Error { get; init; } = new();

    /// <summary>Refuses settings that cannot train.</summary>
    public void Check()
    {
        Error.Check();
        if (Debiased && MinSnrGamma is not null)
        {
            throw new RecipesException(
                "Debiased", "min-SNR weighs the samples already", "Choose one of the two weightings.");
        }

        if (MinSnrGamma is { } gamma && !(gamma > 0))
        {
            throw new RecipesException("Min-SNR", $"gamma {gamma} switches training off", "Use 5, or leave it out.");
        }

        if (PriorWeight is { } weight && !(weight > 0))
        {
            throw new RecipesException(
                "Prior preservation",
                $"the weight is {weight}",
                "Set a weight above 0, or leave the class images out.");
        }
    }
}

/// <summary>The terms of one batch's loss, float32 scalars on the prediction's device.</summary>
/// <param name="Total">What is minimised.</param>
/// <param name="Instance">Mean over the instances, weighted by min-SNR where that is on.</param>
/// <param name="Prior">Mean over the class images before λ; null without prior preservation.</param>
public sealed record LossTerms(Tensor Total, Tensor Instance, Tensor? Prior);

/// <summary>
/// The denoising loss in float32. Weights per sample are applied before the batch is split, so that min-SNR and
/// prior preservation work together.
/// </summary>
public static class DiffusionLoss
{
    /// <summary>The loss of a batch.</summary>
    /// <param name="prediction">The network's output, [batch, ..], any floating type.</param>
    /// <param name="target">What it should be, of the same shape.</param>
    /// <param name="weights">A factor per sample, [batch]; null for 1.</param>
    /// <param name="priorWeight">λ; null where the batch holds no class images.</param>
    /// <param name="pixelWeights">A factor per pixel, [batch, 1, height, width]; null for 1.</param>
    /// <param name="robust">How errors count instead of by their squares; null for these.</param>
    /// <exception cref="RecipesException">Prior preservation over a batch that does not split in halves.</exception>
    public static LossTerms Compute(
        Tensor prediction,
        Tensor target,
        Tensor? weights = null,
        double? priorWeight = null,
        Tensor? pixelWeights = null,
        RobustError? robust = null)
    {
        if (!prediction.shape.SequenceEqual(target.shape))
        {
            throw new RecipesException(
                "Diffusion loss",
                $"the network gives [{string.Join(", ", prediction.shape)}], "
                    + $"the target is [{string.Join(", ", target.shape)}]",
                "Train a network with as many output channels as the latents have.");
        }

        var wide = prediction.to(ScalarType.Float32);
        var goal = target.to(ScalarType.Float32);
        if (priorWeight is null && weights is null && pixelWeights is null && robust is null)
        {
            var mean = nn.functional.mse_loss(wide, goal);
            return new LossTerms(mean, mean, null);
        }

        var errors = robust is null
            ? nn.functional.mse_loss(wide, goal, nn.Reduction.None)
            : robust.Options.Of(wide - goal, robust.Widths);
        var samples = (pixelWeights is null ? errors : errors * pixelWeights).flatten(1).mean([1]);
        if (weights is not null)
        {
            samples = samples * weights;
        }

        if (priorWeight is not { } lambda)
        {
            var mean = samples.mean();
            return new LossTerms(mean, mean, null);
        }

        var count = samples.shape[0];
        if (count % 2 != 0)
        {
            throw new RecipesException(
                "Prior preservation",
                $"a batch of {count} has no two halves",
                "Give as many class images as instances.");
        }

        var instance = samples.narrow(0, 0, count / 2).mean();
        var prior = samples.narrow(0, count / 2, count / 2).mean();
        return new LossTerms(instance.add(prior, lambda), instance, prior);
    }

    /// <summary>The factor of each sample that the options ask for, [batch]; null for 1.</summary>
    /// <param name="options">Min-SNR, debiased or neither.</param>
    /// <param name="snr">ᾱ/(1-ᾱ) of each sample, [batch].</param>
    /// <param name="target">What the network predicts.</param>
    public static Tensor? Weights(DiffusionLossOptions options, Tensor snr, PredictionType target) =>
        options.MinSnrGamma is { } gamma ? MinSnrWeights(snr, gamma, target)
        : options.Debiased ? DebiasedWeights(snr, target)
        : null;

    /// <summary>
    /// Debiased weights: 1/√snr for ε, 1/(snr + 1) for v, √snr for x, with the SNR limited to 1000 and, for ε, from below
    /// to 1/1000, so that no sample is all that counts.
    /// </summary>
    /// <param name="snr">ᾱ/(1-ᾱ) of each sample, [batch].</param>
    /// <param name="target">What the network predicts.</param>
    public static Tensor DebiasedWeights(Tensor snr, PredictionType target) => target switch
    {
        PredictionType.Epsilon => snr.clamp(1e-3, 1e3).rsqrt(),
        PredictionType.Velocity => snr.clamp_max(1e3).add(1).reciprocal(),
        _ => snr.clamp_max(1e3).sqrt(),
    };

    /// <summary>
    /// Min-SNR weights: min(snr, γ)/snr for ε, min(snr, γ)/(snr + 1) for v, min(snr, γ) for x, all scaled from the
    /// loss on x to that on the target.
    /// </summary>
    /// <param name="snr">ᾱ/(1-ᾱ) of each sample, [batch].</param>
    /// <param name="gamma">γ, more than 0.</param>
    /// <param name="target">What the network predicts.</param>
    public static Tensor MinSnrWeights(Tensor snr, double gamma, PredictionType target)
    {
        // γ/snr limited to 1 is min(snr, γ)/snr, and stays 1 where snr is 0.
        return target switch
        {
            PredictionType.Epsilon => snr.reciprocal().mul(gamma).clamp_max(1),
            PredictionType.Velocity => snr.clamp_max(gamma) / (snr + 1),
            _ => snr.clamp_max(gamma),
        };
    }
}
