namespace Recipes.Eval.Reports;

/// <summary>
/// Everything one run's page shows. Equal models make equal bytes: the page adds no clock and no path.
/// </summary>
public sealed record ReportModel
{
    /// <summary>The run's name, the page's heading.</summary>
    public required string Title { get; init; }

    /// <summary>One sentence: what was done and what came of it.</summary>
    public required string Summary { get; init; }

    /// <summary>The hash that names the checked plan.</summary>
    public required string PlanHash { get; init; }

    /// <summary>SHA-256 of the adapter file, when the run made one.</summary>
    public string? AdapterSha256 { get; init; }

    /// <summary>The user's own pictures, shown beside the heading.</summary>
    public IReadOnlyList<ReportImage> References { get; init; } = [];

    /// <summary>What they are; by default the subject's pictures.</summary>
    public string? ReferencesLabel { get; init; }

    public IReadOnlyList<ReportFigure> Figures { get; init; } = [];

    /// <summary>Small print under the figures: what they are compared with, how many pictures they rest on.</summary>
    public IReadOnlyList<string> FigureNotes { get; init; } = [];

    public ReportComparison? Comparison { get; init; }

    /// <summary>Further pictures side by side, such as what was enlarged, each under a heading of its own.</summary>
    public IReadOnlyList<ReportComparison> Further { get; init; } = [];
    /// <summary>Pictures drawn while the model was trained, one column a step.</summary>
    public ReportComparison? Previews { get; init; }

    public IReadOnlyList<ReportCurve> Curves { get; init; } = [];

    public IReadOnlyList<ReportEntry> Settings { get; init; } = [];

    public IReadOnlyList<ReportEntry> Environment { get; init; } = [];

    /// <summary>Further lines of the footer, such as the base model's hash and the licence of its weights.</summary>
    public IReadOnlyList<ReportEntry> Provenance { get; init; } = [];

    /// <summary>The plan as <c>show</c> prints it.</summary>
    public string? PlanText { get; init; }

    /// <summary>The canonical plan, pretty-printed or not.</summary>
    public string? PlanJson { get; init; }
}

/// <summary>One line of a table of names and values.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Value">Its value, with the unit.</param>
/// <param name="Note">A remark in small print.</param>
public sealed record ReportEntry(string Name, string Value, string? Note = null);
