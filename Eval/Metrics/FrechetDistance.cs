using System.Globalization;
using Recipes.Core;
using static TorchSharp.torch;

namespace Recipes.Eval.Metrics;

/// <summary>
/// FID, the Frechet distance of two sets of features taken as Gaussians (Heusel et al., arXiv 1706.08500):
/// |mean difference|^2 + tr S1 + tr S2 - 2 tr (S1 S2)^(1/2), covariances over n - 1.
/// </summary>
/// <remarks>
/// No matrix root is taken. With S1 = A A^T and S2 = B B^T the last trace is the sum of the singular values of A^T B,
/// and A and B are the centred features themselves, so that covariances of few rows, which have no full rank, lose
/// nothing to rounding.
/// </remarks>
/// <param name="Name">The metric with its extractor.</param>
/// <param name="Value">The distance, 0 or more.</param>
/// <param name="Left">Rows of the left side.</param>
/// <param name="Right">Rows of the right side.</param>
/// <param name="Width">Features a row.</param>
public sealed record FrechetDistance(string Name, double Value, int Left, int Right, int Width)
{
    /// <summary>Rows a side below which there is no telling anything.</summary>
    public const int Least = 50;

    /// <summary>
    /// Whether a side has no more rows than a row has features. The distance is then biased upwards by an amount that
    /// depends on the model, and only figures of equal counts can be compared (Chong and Forsyth, arXiv 1911.07023).
    /// </summary>
    public bool IsBiased => Math.Min(Left, Right) <= Width;

    /// <summary>Compares two sets of features.</summary>
    /// <exception cref="RecipesException">
    /// Fewer than <see cref="Least"/> rows, or features of different extractors.
    /// </exception>
    public static FrechetDistance Between(Features left, Features right)
    {
        Features.Check("FID", left, right, Least);
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var (mean, factor) = Gaussian(left);
        var (otherMean, otherFactor) = Gaussian(right);
        var shift = mean.sub(otherMean).square().sum();
        var traces = factor.square().sum().add(otherFactor.square().sum());
        var shared = linalg.svdvals(factor.matmul(otherFactor.t())).sum();
        var distance = shift.add(traces).sub(shared.mul(2)).item<double>();
        return new FrechetDistance(
            $"FID ({left.Extractor})", Math.Max(distance, 0), left.Count, right.Count, left.Width);
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Name} {Value:F3}, n = {Left} and {Right}{(IsBiased ? ", biased: fewer rows than features" : "")}");

    /// <summary>The mean, and rows F with F^T F = covariance; no more rows than features.</summary>
    private static (Tensor Mean, Tensor Factor) Gaussian(Features features)
    {
        var rows = features.ToTensor();
        var mean = rows.mean([0], keepdim: true);
        var centred = rows.sub(mean).div(Math.Sqrt(features.Count - 1.0));
        return (mean, features.Count <= features.Width ? centred : linalg.qr(centred, linalg.QRMode.R).R);
    }
}
