namespace Recipes.Eval.Reports;

/// <summary>The two views of a noisy series: a moving average to read, and a thinned raw line to draw.</summary>
internal static class Smoothing
{
    /// <summary>
    /// Exponential moving average with decay 1 - 2 / (span + 1), divided by its own weight so that the first points are
    /// not pulled towards zero (the bias correction of Adam, arXiv 1412.6980, section 3).
    /// </summary>
    public static IReadOnlyList<ReportPoint> Average(IReadOnlyList<ReportPoint> points, int span)
    {
        var decay = 1 - 2.0 / (span + 1);
        var (sum, weight) = (0.0, 0.0);
        var smooth = new ReportPoint[points.Count];
        for (var i = 0; i < smooth.Length; i++)
        {
            sum = decay * sum + (1 - decay) * points[i].Value;
            weight = decay * weight + (1 - decay);
            smooth[i] = new ReportPoint(points[i].Step, sum / weight);
        }

        return smooth;
    }

    /// <summary>At most <paramref name="most"/> points that keep every bucket's lowest and highest value.</summary>
    public static IReadOnlyList<ReportPoint> Thin(IReadOnlyList<ReportPoint> points, int most)
    {
        if (points.Count <= most)
        {
            return points;
        }

        var kept = new List<ReportPoint>();
        var buckets = most / 2;
        for (var bucket = 0; bucket < buckets; bucket++)
        {
            var from = (int)((long)bucket * points.Count / buckets);
            var to = (int)((long)(bucket + 1) * points.Count / buckets);
            var (low, high) = (from, from);
            for (var i = from; i < to; i++)
            {
                low = points[i].Value < points[low].Value ? i : low;
                high = points[i].Value > points[high].Value ? i : high;
            }

            kept.Add(points[Math.Min(low, high)]);
            if (low != high)
            {
                kept.Add(points[Math.Max(low, high)]);
            }
        }

        return kept;
    }
}
