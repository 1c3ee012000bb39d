namespace Recipes.Core.Imaging;

/// <summary>
/// Canny's edges (J. Canny, "A computational approach to edge detection", PAMI 1986), pixel by pixel as OpenCV's
/// <c>Canny</c> gives them with a 3 x 3 Sobel aperture, the L1 norm and replicated borders. Each pixel takes the
/// gradient of the channel where it is steepest.
/// </summary>
public static class Canny
{
    // tan(22.5 degrees) in 15 bits of fraction, by which gradients fall into four directions.
    private const int Shift = 15;
    private const int Tangent = 13573;

    private enum Edge : byte
    {
        No,
        Weak,
        Strong,
    }

    /// <summary>The edges of a picture; most photographs give good ones with 100 and 200.</summary>
    /// <param name="image">Any picture; a single row or column has edges too.</param>
    /// <param name="low">Steepness (|dx| + |dy| of Sobel's sums) above which a pixel may continue an edge.</param>
    /// <param name="high">Steepness above which a pixel begins one, at least <paramref name="low"/>.</param>
    /// <exception cref="RecipesException">The thresholds are negative, no numbers, or the wrong way round.</exception>
    public static EdgeMap Detect(Image image, double low, double high)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (!(low >= 0 && high >= low && double.IsFinite(high)))
        {
            throw new RecipesException(
                "Canny edges",
                FormattableString.Invariant($"thresholds of {low} and {high} are no range of steepness"),
                "Give a low threshold of 0 or more and a high one that is not below it, such as 100 and 200.");
        }

        var gradients = new Gradients(image);
        var found = Thin(gradients, (int)Math.Min(low, int.MaxValue), (int)Math.Min(high, int.MaxValue));
        return new EdgeMap(image.Width, image.Height, Connect(found, image.Width, image.Height));
    }

    /// <summary>Keeps what is steepest along its own gradient.</summary>
    private static Edge[] Thin(Gradients gradients, int low, int high)
    {
        var (width, height) = (gradients.Width, gradients.Height);
        var found = new Edge[width * height];
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var steepness = gradients.Steepness(x, y);
                if (steepness > low && IsRidge(gradients, x, y, steepness))
                {
                    found[(y * width) + x] = steepness > high ? Edge.Strong : Edge.Weak;
                }
            }
        }

        return found;
    }

    private static bool IsRidge(Gradients gradients, int x, int y, int steepness)
    {
        var (dx, dy) = gradients.Slope(x, y);
        var (across, down) = ((long)Math.Abs(dx), (long)Math.Abs(dy) << Shift);
        var flat = across * Tangent;
        if (down < flat)
        {
            return steepness > gradients.Steepness(x - 1, y) && steepness >= gradients.Steepness(x + 1, y);
        }

        // tan 67.5 = tan 22.5 + 2.
        if (down > flat + (across << (Shift + 1)))
        {
            return steepness > gradients.Steepness(x, y - 1) && steepness >= gradients.Steepness(x, y + 1);
        }

        var side = (dx ^ dy) < 0 ? -1 : 1;
        return steepness > gradients.Steepness(x - side, y - 1) && steepness > gradients.Steepness(x + side, y + 1);
    }

    /// <summary>Strong pixels, and the weak ones that touch them or one another (hysteresis).</summary>
    private static bool[] Connect(Edge[] found, int width, int height)
    {
        var edges = new bool[found.Length];
        var open = new Stack<int>();
        for (var i = 0; i < found.Length; i++)
        {
            if (found[i] == Edge.Strong)
            {
                edges[i] = true;
                open.Push(i);
            }
        }

        while (open.TryPop(out var at))
        {
            var (row, column) = Math.DivRem(at, width);
            for (var y = Math.Max(row - 1, 0); y <= Math.Min(row + 1, height - 1); y++)
            {
                for (var x = Math.Max(column - 1, 0); x <= Math.Min(column + 1, width - 1); x++)
                {
                    var next = (y * width) + x;
                    if (found[next] == Edge.Weak && !edges[next])
                    {
                        edges[next] = true;
                        open.Push(next);
                    }
                }
            }
        }

        return edges;
    }

    /// <summary>Sobel's sums of each pixel's steepest channel; outside the picture nothing is steep.</summary>
    private sealed class Gradients
    {
        private readonly short[] _dx;
        private readonly short[] _dy;

        public Gradients(Image image)
        {
            (Width, Height) = (image.Width, image.Height);
            _dx = new short[Width * Height];
            _dy = new short[Width * Height];
            for (var y = 0; y < Height; y++)
            {
                var above = image.Row(Math.Max(y - 1, 0));
                var here = image.Row(y);
                var below = image.Row(Math.Min(y + 1, Height - 1));
                for (var x = 0; x < Width; x++)
                {
                    var (left, right) = (Math.Max(x - 1, 0), Math.Min(x + 1, Width - 1));
                    (_dx[(y * Width) + x], _dy[(y * Width) + x]) = Steepest(above, here, below, left, x, right);
                }
            }
        }

        public int Width { get; }

        public int Height { get; }

        public (int Dx, int Dy) Slope(int x, int y) => (_dx[(y * Width) + x], _dy[(y * Width) + x]);

        public int Steepness(int x, int y) =>
            (uint)x < (uint)Width && (uint)y < (uint)Height
                ? Math.Abs(_dx[(y * Width) + x]) + Math.Abs(_dy[(y * Width) + x])
                : 0;

        private static (short Dx, short Dy) Steepest(
            ReadOnlySpan<byte> above, ReadOnlySpan<byte> here, ReadOnlySpan<byte> below, int left, int x, int right)
        {
            var most = -1;
            (short, short) steepest = default;
            for (var c = 0; c < Image.Channels; c++)
            {
                var (l, m, r) = ((left * Image.Channels) + c, (x * Image.Channels) + c, (right * Image.Channels) + c);
                var dx = above[r] - above[l] + (2 * (here[r] - here[l])) + below[r] - below[l];
                var dy = below[l] - above[l] + (2 * (below[m] - above[m])) + below[r] - above[r];
                if (Math.Abs(dx) + Math.Abs(dy) > most)
                {
                    most = Math.Abs(dx) + Math.Abs(dy);
                    steepest = ((short)dx, (short)dy);
                }
            }

            return steepest;
        }
    }
}
