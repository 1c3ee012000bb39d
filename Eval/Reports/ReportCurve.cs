namespace Recipes.Eval.Reports;

/// <summary>A chart over the training steps.</summary>
public sealed record ReportCurve
{
    /// <summary>What the chart shows: "Training loss".</summary>
    public required string Title { get; init; }

    /// <summary>The y axis with its unit: "loss (mean squared error)".</summary>
    public required string YLabel { get; init; }

    /// <summary>The x axis with its unit.</summary>
    public string XLabel { get; init; } = "optimiser step";

    public required IReadOnlyList<ReportSeries> Series { get; init; }

    /// <summary>
    /// Span of the exponential moving average, in points; null takes a twentieth of the longest series.
    /// </summary>
    public int? Smoothing { get; init; }
}

/// <summary>One line of a chart.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Points">Its points with rising steps. A value that is not finite leaves a gap, and the chart says
/// so.</param>
public sealed record ReportSeries(string Name, IReadOnlyList<ReportPoint> Points);

/// <summary>A value at a step.</summary>
public readonly record struct ReportPoint(long Step, double Value);
