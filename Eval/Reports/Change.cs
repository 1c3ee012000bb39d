namespace Recipes.Eval.Reports;

/// <summary>
/// What a difference says of a figure, told three times: by an arrow, by a word, and by a colour for those who see it.
/// </summary>
/// <param name="Class">The class of its elements: <c>better</c>, <c>worse</c> or <c>chance</c>.</param>
/// <param name="Text">Where the figure went, and whether that is good: "↓ worse"; or that it may have gone nowhere.</param>
internal sealed record Change(string Class, string Text)
{
    /// <summary>Nothing where the figure does not judge, or where the difference is shown as zero.</summary>
    /// <param name="better">Which way is the better one.</param>
    /// <param name="difference">After less before; one whose interval holds zero is no change for certain.</param>
    /// <param name="decimals">How many decimal places of it are shown.</param>
    public static Change? Of(Better better, ReportNumber difference, int decimals)
    {
        if (better == Better.Neither || FigureTable.IsZero(difference.Value, decimals))
        {
            return null;
        }

        if (difference.Interval is { Low: <= 0, High: >= 0 })
        {
            return new Change("chance", "within chance");
        }

        var rises = difference.Value > 0;
        var word = rises == (better == Better.Higher) ? "better" : "worse";
        return new Change(word, (rises ? "↑ " : "↓ ") + word);
    }
}
