namespace Recipes.Core.Imaging.Annotators;

/// <summary>
/// Lloyd's k-means of points with five values each. Centres begin where the first lies nearest the mean and each next
/// one farthest from all before it (Gonzalez 1985), so that nothing is left to chance.
/// </summary>
internal static class ColourClusters
{
    private const int Rounds = 20;

    /// <summary>Values of a point: colour and place.</summary>
    public const int Size = 5;

    /// <summary>The centres, at most <paramref name="count"/> of them.</summary>
    public static float[][] Find(IReadOnlyList<float[]> points, int count)
    {
        var centres = Begin(points, count);
        for (var round = 0; round < Rounds; round++)
        {
            var sums = centres.Select(_ => new double[Size + 1]).ToArray();
            foreach (var point in points)
            {
                var sum = sums[Nearest(centres, point)];
                for (var i = 0; i < Size; i++)
                {
                    sum[i] += point[i];
                }

                sum[Size]++;
            }

            for (var k = 0; k < centres.Length; k++)
            {
                if (sums[k][Size] > 0)
                {
                    centres[k] = [.. sums[k].Take(Size).Select(value => (float)(value / sums[k][Size]))];
                }
            }
        }

        return centres;
    }

    /// <summary>The index of the centre that is nearest to a point.</summary>
    public static int Nearest(float[][] centres, float[] point)
    {
        var (nearest, least) = (0, float.PositiveInfinity);
        for (var k = 0; k < centres.Length; k++)
        {
            var distance = Distance(centres[k], point);
            if (distance < least)
            {
                (nearest, least) = (k, distance);
            }
        }

        return nearest;
    }

    private static float[][] Begin(IReadOnlyList<float[]> points, int count)
    {
        float[] mean = [.. Enumerable.Range(0, Size).Select(i => points.Average(point => point[i]))];
        var centres = new List<float[]> { points.MinBy(point => Distance(mean, point))! };
        while (centres.Count < count)
        {
            var farthest = points.MaxBy(point => centres.Min(centre => Distance(centre, point)))!;
            if (centres.Min(centre => Distance(centre, farthest)) == 0)
            {
                break;
            }

            centres.Add(farthest);
        }

        return [.. centres];
    }

    private static float Distance(float[] a, float[] b)
    {
        var sum = 0f;
        for (var i = 0; i < Size; i++)
        {
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        }

        return sum;
    }
}
