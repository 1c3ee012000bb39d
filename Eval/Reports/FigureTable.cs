using System.Globalization;
using Recipes.Core;

namespace Recipes.Eval.Reports;

/// <summary>The key figures: each metric with its definition, before, after, difference and, where one was set, goal.</summary>
internal static class FigureTable
{
    public static void Write(Html html, IReadOnlyList<ReportFigure> figures, IReadOnlyList<string> notes)
    {
        if (figures.Count == 0)
        {
            return;
        }

        var aimed = figures.Any(figure => figure.Goal is not null);
        html.Raw("<section>\n<h2>Key figures</h2>\n<table class=\"figures\">\n<thead><tr><th scope=\"col\">figure</th>")
            .Raw("<th scope=\"col\">before</th><th scope=\"col\">after</th><th scope=\"col\">difference</th>")
            .Raw(aimed ? "<th scope=\"col\">goal</th>" : "")
            .Raw("</tr></thead>\n<tbody>\n");
        foreach (var figure in figures)
        {
            html.Raw("<tr><th scope=\"row\">").Element("b", figure.Name)
                .Element("small", figure.Definition).Raw("</th>");
            Cell(html, "before", figure, figure.Before, signed: false);
            Cell(html, "after", figure, figure.After, signed: false);
            Cell(html, "difference", figure, figure.Difference, signed: true);
            if (aimed)
            {
                Goal(html, figure.Goal);
            }

            html.Raw("</tr>\n");
        }

        html.Raw("</tbody>\n</table>\n");
        foreach (var note in notes)
        {
            html.Element("p class=\"note\"", note).Raw("\n");
        }

        html.Raw("</section>\n");
    }

    /// <summary>A number with a true minus sign and, for differences, always a sign.</summary>
    internal static string Format(double value, int decimals, bool signed)
    {
        var sign = IsZero(value, decimals) ? "" : value < 0 ? "−" : signed ? "+" : "";
        return sign + Digits(value, decimals);
    }

    /// <summary>Whether nothing but zeros is left of a number at so many decimal places.</summary>
    internal static bool IsZero(double value, int decimals) =>
        Digits(value, decimals).All(digit => digit is '0' or '.');

    private static string Digits(double value, int decimals) =>
        Math.Abs(value).ToString("F" + decimals, CultureInfo.InvariantCulture);

    private static void Cell(Html html, string column, ReportFigure figure, ReportNumber? number, bool signed)
    {
        if (number is null)
        {
            html.Raw($"<td class=\"none\" data-column=\"{column}\">–</td>");
            return;
        }

        if (!double.IsFinite(number.Value))
        {
            throw new RecipesException(
                $"report, {figure.Name}, {column}",
                $"the value is {number.Value.ToString(CultureInfo.InvariantCulture)}",
                "Leave the number out, or find the picture that has no finite score.");
        }

        string Show(double value) => Format(value, figure.Decimals, signed);
        var change = signed ? Change.Of(figure.Better, number, figure.Decimals) : null;
        html.Raw($"<td data-column=\"{column}\">")
            .Element(change is null ? "b" : $"b class=\"{change.Class}\"", Show(number.Value));
        if (figure.Unit.Length > 0)
        {
            html.Raw(" ").Element("span class=\"unit\"", figure.Unit);
        }

        if (number.Interval is { } interval)
        {
            html.Element("small title=\"95 % interval\"", $"{Show(interval.Low)} … {Show(interval.High)}");
        }

        if (number.Count is { } count)
        {
            html.Element("small", "n = " + count.ToString(CultureInfo.InvariantCulture));
        }

        // Last, so that intervals and counts stand in line with those of the other columns.
        if (change is not null)
        {
            html.Element($"small class=\"{change.Class}\"", change.Text);
        }

        html.Raw("</td>");
    }

    private static void Goal(Html html, ReportGoal? goal)
    {
        if (goal is null)
        {
            html.Raw("<td class=\"none\" data-column=\"goal\">–</td>");
            return;
        }

        html.Raw("<td data-column=\"goal\">").Element("b", goal.Text)
            .Raw(goal.Met ? "<small class=\"met\">✓ met</small>" : "<small class=\"missed\">✗ missed</small>")
            .Raw("</td>");
    }
}
