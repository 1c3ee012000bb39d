using System.Globalization;
using System.Text;

namespace Recipes.Eval.Reports;

/// <summary>The size of one drawing of a chart, in CSS pixels, and how many ticks fit it.</summary>
internal sealed record ChartFrame(string Class, int Width, int Height, int XTicks, int YTicks)
{
    public const int Left = 52;
    public const int Right = 14;
    public const int Top = 22;
    public const int Bottom = 46;

    public int PlotWidth => Width - Left - Right;

    public int PlotHeight => Height - Top - Bottom;
}

/// <summary>
/// A line chart as inline SVG: grid, ticks, raw and averaged lines, and a reading that follows the pointer.
/// </summary>
internal static class Chart
{
    /// <summary>How many series have a colour of their own.</summary>
    internal const int Colours = 5;

    private const int Readings = 100;

    public static void Write(
        Html html, ReportCurve curve, IReadOnlyList<ReportSeries> finite, int span, ChartFrame frame)
    {
        var all = finite.SelectMany(series => series.Points).ToList();
        var x = new Axis(all.Min(point => point.Step), all.Max(point => point.Step), frame.XTicks, tight: true);
        var lowest = all.Min(point => point.Value);
        var y = new Axis(lowest >= 0 ? 0 : lowest, all.Max(point => point.Value), frame.YTicks, tight: false);
        string X(double step) => Html.Number(ChartFrame.Left + frame.PlotWidth * x.Place(step));
        string Y(double value) => Html.Number(ChartFrame.Top + frame.PlotHeight * (1 - y.Place(value)));

        html.Raw($"<svg class=\"{frame.Class}\" viewBox=\"0 0 {frame.Width} {frame.Height}\" ")
            .Raw("role=\"img\" aria-label=\"")
            .Text(curve.Title).Raw("\">\n");
        Axes(html, curve, frame, x, y, X, Y);
        var smooth = finite.Select(series => Smoothing.Average(series.Points, span)).ToList();
        for (var i = 0; i < finite.Count; i++)
        {
            var points = Smoothing.Thin(finite[i].Points, frame.PlotWidth);
            html.Raw($"<path class=\"raw s{i % Colours}\" d=\"{Path(points, X, Y)}\"/>\n");
        }

        for (var i = 0; i < finite.Count; i++)
        {
            var points = Smoothing.Thin(smooth[i], frame.PlotWidth);
            html.Raw($"<path class=\"line s{i % Colours}\" d=\"{Path(points, X, Y)}\"/>\n");
        }

        Pointer(html, finite, smooth, frame, x, X, Y);
        html.Raw("</svg>\n");
    }

    private static void Axes(
        Html html,
        ReportCurve curve,
        ChartFrame frame,
        Axis x,
        Axis y,
        Func<double, string> place,
        Func<double, string> height)
    {
        var (right, bottom) = (frame.Width - ChartFrame.Right, frame.Height - ChartFrame.Bottom);
        foreach (var tick in y.Ticks)
        {
            html.Raw($"<path class=\"grid\" d=\"M{ChartFrame.Left} {height(tick)}H{right}\"/>")
                .Raw($"<text class=\"y\" x=\"{ChartFrame.Left - 8}\" y=\"{height(tick)}\" dy=\"4\">")
                .Text(y.Label(tick)).Raw("</text>\n");
        }

        foreach (var tick in x.Ticks)
        {
            html.Raw($"<path class=\"tick\" d=\"M{place(tick)} {bottom}v5\"/>")
                .Raw($"<text class=\"x\" x=\"{place(tick)}\" y=\"{bottom + 19}\">")
                .Text(x.Label(tick)).Raw("</text>\n");
        }

        html.Raw($"<path class=\"axis\" d=\"M{ChartFrame.Left} {bottom}H{right}\"/>\n")
            .Raw($"<text class=\"title\" x=\"2\" y=\"10\">").Text(curve.YLabel).Raw("</text>\n")
            .Raw($"<text class=\"title end\" x=\"{right}\" y=\"{frame.Height - 6}\">")
            .Text(curve.XLabel).Raw("</text>\n");
    }

    private static string Path(IReadOnlyList<ReportPoint> points, Func<double, string> x, Func<double, string> y)
    {
        var path = new StringBuilder();
        foreach (var point in points)
        {
            path.Append(path.Length == 0 ? 'M' : 'L').Append(x(point.Step)).Append(' ').Append(y(point.Value));
        }

        return path.ToString();
    }

    /// <summary>
    /// Invisible bands that, under the pointer, show a guide line and the values there; the title serves where no style
    /// does.
    /// </summary>
    private static void Pointer(
        Html html,
        IReadOnlyList<ReportSeries> finite,
        IReadOnlyList<IReadOnlyList<ReportPoint>> smooth,
        ChartFrame frame,
        Axis x,
        Func<double, string> place,
        Func<double, string> height)
    {
        var steps = finite.SelectMany(series => series.Points).Select(point => point.Step).Distinct().Order().ToList();
        var stride = Math.Max(1, (int)Math.Ceiling(steps.Count / (double)Readings));
        var width = frame.PlotWidth / Math.Ceiling(steps.Count / (double)stride);
        html.Raw("<g class=\"readings\">\n");
        for (var i = 0; i < steps.Count; i += stride)
        {
            var step = steps[i];
            var marks = new Html();
            var reading = "step " + step.ToString("N0", CultureInfo.InvariantCulture).Replace(",", " ");
            for (var k = 0; k < finite.Count; k++)
            {
                var at = Find(finite[k].Points, step);
                if (at >= 0)
                {
                    var value = smooth[k][at].Value;
                    reading += $" · {finite[k].Name} {Short(finite[k].Points[at].Value)}, average {Short(value)}";
                    marks.Raw($"<circle class=\"s{k % Colours}\" cx=\"{place(step)}\" cy=\"{height(value)}\" r=\"3.5\"/>");
                }
            }

            var left = ChartFrame.Left + frame.PlotWidth * x.Place(step) - width / 2;
            html.Raw($"<g><rect x=\"{Html.Number(left)}\" y=\"0\" width=\"{Html.Number(width)}\" ")
                .Raw($"height=\"{frame.Height}\"/>")
                .Raw($"<path d=\"M{place(step)} {ChartFrame.Top}v{frame.PlotHeight}\"/>").Raw(marks.ToString())
                .Raw($"<text x=\"{frame.Width - ChartFrame.Right}\" y=\"10\">").Text(reading).Raw("</text>")
                .Element("title", reading).Raw("</g>\n");
        }

        html.Raw("</g>\n");
    }

    private static string Short(double value) => value.ToString("G3", CultureInfo.InvariantCulture);

    private static int Find(IReadOnlyList<ReportPoint> points, long step)
    {
        var (low, high) = (0, points.Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            if (points[middle].Step == step)
            {
                return middle;
            }

            (low, high) = points[middle].Step < step ? (middle + 1, high) : (low, middle - 1);
        }

        return -1;
    }
}
