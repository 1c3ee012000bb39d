using System.Globalization;
using Recipes.Core;

namespace Recipes.Eval.Reports;

/// <summary>
/// A chart's section: heading, legend, the chart in a wide and a narrow form, and what could not be drawn.
/// </summary>
internal static class CurveSection
{
    /// <exception cref="RecipesException">A series' steps do not rise.</exception>
    public static void Write(Html html, ReportCurve curve)
    {
        foreach (var series in curve.Series)
        {
            for (var i = 1; i < series.Points.Count; i++)
            {
                if (series.Points[i].Step <= series.Points[i - 1].Step)
                {
                    throw new RecipesException(
                        $"report, {curve.Title}, {series.Name}",
                        $"step {series.Points[i].Step} follows step {series.Points[i - 1].Step}",
                        "Give the points in rising order of their steps.");
                }
            }
        }

        var finite = curve.Series
            .Select(series => series with { Points = [.. series.Points.Where(point => double.IsFinite(point.Value))] })
            .ToList();
        html.Raw("<section>\n").Element("h2", curve.Title).Raw("\n");
        if (finite.All(series => series.Points.Count < 2))
        {
            html.Raw("<p class=\"note\">Fewer than two points were recorded, so there is no line to draw.</p>\n");
        }
        else
        {
            var span = curve.Smoothing ?? Math.Max(5, finite.Max(series => series.Points.Count) / 20);
            Legend(html, curve, span);
            html.Raw("<figure class=\"chart\">\n");
            Chart.Write(html, curve, finite, span, new ChartFrame("wide", 1040, 320, XTicks: 10, YTicks: 5));
            Chart.Write(html, curve, finite, span, new ChartFrame("narrow", 400, 280, XTicks: 4, YTicks: 5));
            html.Raw("</figure>\n");
        }

        Gaps(html, curve);
        html.Raw("</section>\n");
    }

    private static void Legend(Html html, ReportCurve curve, int span)
    {
        html.Raw("<p class=\"legend\">");
        for (var i = 0; i < curve.Series.Count; i++)
        {
            html.Raw($"<span class=\"s{i % Chart.Colours}\"><svg viewBox=\"0 0 24 8\" aria-hidden=\"true\">")
                .Raw("<path class=\"line\" d=\"M1 4H23\"/></svg>")
                .Text(curve.Series[i].Name).Raw("</span>");
        }

        html.Text($"moving average over {span.ToString(CultureInfo.InvariantCulture)} points; ")
            .Text("every point faintly behind it")
            .Raw("</p>\n");
    }

    private static void Gaps(Html html, ReportCurve curve)
    {
        foreach (var series in curve.Series)
        {
            var gaps = series.Points.Where(point => !double.IsFinite(point.Value)).Select(point => point.Step).ToList();
            if (gaps.Count > 0)
            {
                var steps = string.Join(", ", gaps.Take(8)) + (gaps.Count > 8 ? ", …" : "");
                html.Raw("<p class=\"note missed\">")
                    .Text($"{series.Name}: no finite value at {gaps.Count} steps ({steps})").Raw("</p>\n");
            }
        }
    }
}
