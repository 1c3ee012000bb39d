namespace Recipes.Eval.Reports;

/// <summary>
/// Pictures of the same prompts and seeds side by side: one column a model, one row a prompt and seed.
/// </summary>
/// <param name="Columns">What the columns are: "before", "after", or one name a checkpoint.</param>
/// <param name="Rows">The rows, each with one picture a column.</param>
/// <param name="Heading">What stands above it; null names the columns where there are two.</param>
public sealed record ReportComparison(
    IReadOnlyList<string> Columns, IReadOnlyList<ReportRow> Rows, string? Heading = null);

/// <summary>One prompt and seed, drawn by every column's model.</summary>
/// <param name="Prompt">The prompt as it was given to the model.</param>
/// <param name="Seed">The seed that all pictures of the row share.</param>
/// <param name="Cells">One picture a column.</param>
public sealed record ReportRow(string Prompt, ulong Seed, IReadOnlyList<ReportCell> Cells);

/// <summary>A picture with a remark under it, such as its score.</summary>
public sealed record ReportCell(ReportImage Image, string? Note = null);
