using Recipes.Core.Imaging;

namespace Recipes.Eval.Grids;

/// <summary>Pictures in rows and columns, such as prompts against models.</summary>
public sealed record GridModel
{
    public string? Title { get; init; }

    /// <summary>One heading a column: "before", "after".</summary>
    public required IReadOnlyList<string> Columns { get; init; }

    public required IReadOnlyList<GridRow> Rows { get; init; }

    /// <summary>Pictures shown small above the columns, such as the user's own.</summary>
    public IReadOnlyList<Image> References { get; init; } = [];

    /// <summary>What the references are.</summary>
    public string ReferencesLabel { get; init; } = "the subject";

    /// <summary>
    /// Side of a cell in pixels; null takes the largest picture's side, doubled while it is below 192.
    /// </summary>
    public int? Cell { get; init; }
}

/// <summary>One row: its prompt, a line of small print such as the seed, and one picture a column.</summary>
public sealed record GridRow(string Label, string? Detail, IReadOnlyList<Image> Images);

/// <summary>A picture with its caption and a line of small print.</summary>
public sealed record Captioned(Image Image, string Caption, string? Detail = null);
