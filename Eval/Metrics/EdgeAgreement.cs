using System.Globalization;
using Recipes.Core;
using Recipes.Core.Imaging;

namespace Recipes.Eval.Metrics;

/// <summary>
/// How well a picture follows the edges it was controlled by: its Canny edges against the control's, an edge counting
/// as found where the other map has one at most <paramref name="Tolerance"/> pixels away in either direction.
/// </summary>
/// <param name="Precision">Share of the picture's edges that the control has; 1 where the picture has none.</param>
/// <param name="Recall">Share of the control's edges that the picture has.</param>
/// <param name="Tolerance">Pixels.</param>
/// <param name="Control">The control's edge pixels.</param>
/// <param name="Found">The picture's edge pixels.</param>
public sealed record EdgeAgreement(double Precision, double Recall, int Tolerance, int Control, int Found)
{
    /// <summary>Harmonic mean of precision and recall; 0 where both are.</summary>
    public double F1 => Precision + Recall == 0 ? 0 : 2 * Precision * Recall / (Precision + Recall);

    /// <summary>Compares a drawn picture with the edges that led it.</summary>
    /// <param name="control">The control's edges, of the picture's size.</param>
    /// <param name="picture">The drawn picture.</param>
    /// <param name="low">Canny's lower threshold, the control's own.</param>
    /// <param name="high">Canny's upper threshold.</param>
    /// <param name="tolerance">Pixels by which an edge may be off, 0 or more.</param>
    /// <exception cref="RecipesException">The control has another size, or no edge at all.</exception>
    public static EdgeAgreement Of(
        EdgeMap control, Image picture, double low = 100, double high = 200, int tolerance = 1)
    {
        ArgumentNullException.ThrowIfNull(picture);
        return Between(control, Canny.Detect(picture, low, high), tolerance);
    }

    /// <summary>Compares two maps of edges.</summary>
    /// <exception cref="RecipesException">The maps differ in size, or the control has no edge at all.</exception>
    public static EdgeAgreement Between(EdgeMap control, EdgeMap found, int tolerance = 1)
    {
        ArgumentNullException.ThrowIfNull(control);
        ArgumentNullException.ThrowIfNull(found);
        ArgumentOutOfRangeException.ThrowIfNegative(tolerance);
        if ((control.Width, control.Height) != (found.Width, found.Height))
        {
            throw new RecipesException(
                "agreement of edges",
                $"the control of {control.Width}x{control.Height} does not lie over a picture of "
                    + $"{found.Width}x{found.Height}",
                "Make the control at the size that is drawn.");
        }

        if (control.Count == 0)
        {
            throw new RecipesException(
                "agreement of edges", "the control has no edge", "Lower Canny's thresholds, or leave it out.");
        }

        var recalled = control.And(found.Grow(tolerance)).Count;
        var right = found.And(control.Grow(tolerance)).Count;
        return new EdgeAgreement(
            found.Count == 0 ? 1 : (double)right / found.Count,
            (double)recalled / control.Count,
            tolerance,
            control.Count,
            found.Count);
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"edges: precision {Precision:F3}, recall {Recall:F3}, F1 {F1:F3} within {Tolerance} px");
}
