using System.Globalization;
using Recipes.Core;

namespace Recipes.Eval.Reports;

/// <summary>The pictures side by side, a card for each prompt and seed.</summary>
internal static class ComparisonGrid
{
    /// <exception cref="RecipesException">A row has more or fewer pictures than there are columns.</exception>
    public static void Write(Html html, ReportComparison comparison)
    {
        var columns = comparison.Columns;
        html.Raw("<section>\n").Element("h2", comparison.Heading ?? Heading(columns)).Raw("\n")
            .Raw($"<div class=\"comparison\" style=\"--columns: {columns.Count}\">\n");
        for (var index = 0; index < comparison.Rows.Count; index++)
        {
            var row = comparison.Rows[index];
            if (row.Cells.Count != columns.Count)
            {
                throw new RecipesException(
                    $"report, comparison row {index + 1}",
                    $"it has {row.Cells.Count} pictures for {columns.Count} columns",
                    "Give every row one picture a column.");
            }

            var seed = row.Seed.ToString(CultureInfo.InvariantCulture);
            html.Raw("<figure class=\"card\">\n<div class=\"shots\">\n");
            for (var column = 0; column < columns.Count; column++)
            {
                var cell = row.Cells[column];
                html.Raw("<div class=\"shot\">");
                Report.Picture(html, cell.Image, $"{columns[column]}: {row.Prompt}, seed {seed}");
                html.Raw("<span>").Element("b", columns[column]);
                if (cell.Note is { } note)
                {
                    html.Element("i", note);
                }

                html.Raw("</span></div>\n");
            }

            html.Raw("</div>\n<figcaption>").Element("span class=\"prompt\"", row.Prompt)
                .Element("span class=\"seed\"", "seed " + seed).Raw("</figcaption>\n</figure>\n");
        }

        html.Raw("</div>\n</section>\n");
    }

    private static string Heading(IReadOnlyList<string> columns) =>
        columns.Count == 2 ? $"{Capital(columns[0])} and {columns[1]}" : "Side by side";

    private static string Capital(string word) =>
        word.Length == 0 ? word : char.ToUpperInvariant(word[0]) + word[1..];
}
