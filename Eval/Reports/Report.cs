using System.Text;
using Recipes.Core;

namespace Recipes.Eval.Reports;

/// <summary>
/// One run as a single HTML file: pictures inside, no script, nothing fetched, so that it can be mailed, archived and
/// opened anywhere. It follows the reader's light or dark scheme, fits a phone and prints.
/// </summary>
public static class Report
{
    /// <summary>Writes the page. The file appears whole or not at all.</summary>
    /// <exception cref="RecipesException">The model contradicts itself, or the file cannot be written.</exception>
    public static void Write(string path, ReportModel model)
    {
        var page = Render(model);
        var whole = Path.GetFullPath(path);
        var draft = whole + ".part";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(whole)!);
            File.WriteAllText(draft, page, new UTF8Encoding(false));
            File.Move(draft, whole, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            File.Delete(draft);
            throw new RecipesException(
                path,
                $"the report cannot be written ({error.Message.TrimEnd('.')})",
                "Free some space, or choose another folder with --out.",
                error);
        }
    }

    /// <summary>The page as text.</summary>
    public static string Render(ReportModel model)
    {
        var html = new Html();
        html.Raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
            .Raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
            .Raw("<meta name=\"color-scheme\" content=\"light dark\">\n")
            .Raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; ")
            .Raw("style-src 'unsafe-inline'\">\n")
            .Element("title", model.Title)
            .Raw("\n<style>\n").Raw(Style.Value).Raw("</style>\n</head>\n<body>\n<main>\n");
        Heading(html, model);
        FigureTable.Write(html, model.Figures, model.FigureNotes);
        if (model.Comparison is { } comparison)
        {
            ComparisonGrid.Write(html, comparison);
        }

        foreach (var further in model.Further)
        {
            ComparisonGrid.Write(html, further);
        }

        if (model.Previews is { } previews)
        {
            ComparisonGrid.Write(html, previews);
        }

        foreach (var curve in model.Curves)
        {
            CurveSection.Write(html, curve);
        }

        Entries(html, model);
        Plan(html, model);
        html.Raw("</main>\n");
        Footer(html, model);
        return html.Raw("</body>\n</html>\n").ToString();
    }

    private static readonly Lazy<string> Style = new(() =>
    {
        using var stream = typeof(Report).Assembly.GetManifestResourceStream("report.css")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    });

    private static void Heading(Html html, ReportModel model)
    {
        html.Raw("<header>\n<div class=\"title\">\n").Element("h1", model.Title).Raw("\n")
            .Element("p class=\"summary\"", model.Summary).Raw("\n</div>\n");
        if (model.References.Count > 0)
        {
            html.Raw("<figure class=\"references\">\n<div>");
            foreach (var image in model.References)
            {
                Picture(html, image, image.Description ?? "reference picture");
            }

            var count = model.References.Count;
            html.Raw("</div>\n")
                .Element("figcaption", model.ReferencesLabel ?? (count == 1 ? "the subject’s picture" : $"the subject’s {count} pictures"))
                .Raw("\n</figure>\n");
        }

        html.Raw("</header>\n");
    }

    /// <summary>
    /// A picture that grows over the page while it has the focus, so that a tap enlarges it without a script.
    /// </summary>
    internal static void Picture(Html html, ReportImage image, string description)
    {
        html.Raw("<img tabindex=\"0\" alt=\"").Text(description).Raw("\"");
        if (image.Size is { } size)
        {
            html.Raw($" width=\"{size.Width}\" height=\"{size.Height}\"");
        }

        html.Raw(" src=\"").Raw(image.DataUri).Raw("\">");
    }

    private static void Entries(Html html, ReportModel model)
    {
        if (model.Settings.Count + model.Environment.Count == 0)
        {
            return;
        }

        html.Raw("<div class=\"columns\">\n");
        Table(html, "Settings", model.Settings);
        Table(html, "Environment", model.Environment);
        html.Raw("</div>\n");
    }

    private static void Table(Html html, string heading, IReadOnlyList<ReportEntry> entries)
    {
        if (entries.Count == 0)
        {
            return;
        }

        html.Raw("<section>\n").Element("h2", heading).Raw("\n<table class=\"entries\">\n");
        foreach (var entry in entries)
        {
            html.Raw("<tr>").Element("th scope=\"row\"", entry.Name).Raw("<td>").Text(entry.Value);
            if (entry.Note is { } note)
            {
                html.Raw(" ").Element("small", note);
            }

            html.Raw("</td></tr>\n");
        }

        html.Raw("</table>\n</section>\n");
    }

    private static void Plan(Html html, ReportModel model)
    {
        if (model.PlanText is null && model.PlanJson is null)
        {
            return;
        }

        html.Raw("<section class=\"plan\">\n<h2>Plan</h2>\n");
        Folded(html, "In words", model.PlanText);
        Folded(html, "As JSON", model.PlanJson);
        html.Raw("</section>\n");
    }

    private static void Folded(Html html, string heading, string? text)
    {
        if (text is not null)
        {
            html.Raw("<details>").Element("summary", heading)
                .Raw("<pre>\n").Text(text.TrimEnd()).Raw("</pre></details>\n");
        }
    }

    private static void Footer(Html html, ReportModel model)
    {
        IEnumerable<ReportEntry> entries = [new("plan", model.PlanHash)];
        if (model.AdapterSha256 is { } hash)
        {
            entries = entries.Append(new("adapter sha256", hash));
        }

        html.Raw("<footer>\n<dl>\n");
        foreach (var entry in entries.Concat(model.Provenance))
        {
            html.Raw("<div>").Element("dt", entry.Name).Raw("<dd>").Text(entry.Value);
            if (entry.Note is { } note)
            {
                html.Raw(" ").Element("small", note);
            }

            html.Raw("</dd></div>\n");
        }

        html.Raw("</dl>\n</footer>\n");
    }
}
