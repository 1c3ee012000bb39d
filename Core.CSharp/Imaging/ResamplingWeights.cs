namespace Recipes.Core.Imaging;

/// <summary>
/// For each pixel of a resized line, the source pixels it is made of and their weights in fixed point.
/// When shrinking, the filter is widened by the scale (antialiasing).
/// </summary>
internal sealed class ResamplingWeights
{
    /// <summary>Fractional bits of a weight: 32 less 8 for the pixel and 2 for sign and overshoot.</summary>
    public const int Precision = 22;

    private readonly int[] _first;
    private readonly int[][] _weights;

    /// <summary>The weights that bring a line of <paramref name="from"/> pixels to <paramref name="to"/>.</summary>
    public ResamplingWeights(int from, int to, Resampling filter)
    {
        _first = new int[to];
        _weights = new int[to][];
        var scale = (double)from / to;
        var widening = Math.Max(scale, 1.0);
        var reach = Support(filter) * widening;

        for (var i = 0; i < to; i++)
        {
            var centre = (i + 0.5) * scale;
            var first = Math.Max((int)(centre - reach + 0.5), 0);
            var end = Math.Min((int)(centre + reach + 0.5), from);
            var weights = new double[end - first];
            var sum = 0.0;

            for (var k = 0; k < weights.Length; k++)
            {
                weights[k] = Value(filter, (k + first - centre + 0.5) * (1.0 / widening));
                sum += weights[k];
            }

            _first[i] = first;
            _weights[i] = Array.ConvertAll(weights, weight => Fixed(weight / sum));
        }
    }

    /// <summary>The index of the first source pixel of target pixel <paramref name="i"/>.</summary>
    public int First(int i) => _first[i];

    /// <summary>The weights of consecutive source pixels from <see cref="First"/> on.</summary>
    public ReadOnlySpan<int> this[int i] => _weights[i];

    /// <summary>A weighted sum back to a byte, rounded and clamped.</summary>
    public static byte ToByte(int sum) => (byte)Math.Clamp((sum + (1 << (Precision - 1))) >> Precision, 0, 255);

    // The conversion to int cuts towards zero, so half a unit is added away from it.
    private static int Fixed(double weight) => (int)((weight * (1 << Precision)) + (weight < 0 ? -0.5 : 0.5));

    private static double Support(Resampling filter) => filter switch
    {
        Resampling.Bilinear => 1.0,
        Resampling.Bicubic => 2.0,
        Resampling.Lanczos => 3.0,
        _ => throw new ArgumentOutOfRangeException(nameof(filter), filter, "no such filter"),
    };

    private static double Value(Resampling filter, double x)
    {
        x = Math.Abs(x);

        return filter switch
        {
            Resampling.Bilinear => Math.Max(0.0, 1.0 - x),
            Resampling.Bicubic => Cubic(x),
            _ => x < 3.0 ? Sinc(x) * Sinc(x / 3.0) : 0.0,
        };
    }

    private static double Cubic(double x)
    {
        const double a = -0.5;

        return x switch
        {
            < 1.0 => ((((a + 2.0) * x) - (a + 3.0)) * x * x) + 1.0,
            < 2.0 => ((((x - 5.0) * x) + 8.0) * x - 4.0) * a,
            _ => 0.0,
        };
    }

    private static double Sinc(double x) => x == 0.0 ? 1.0 : Math.Sin(Math.PI * x) / (Math.PI * x);
}
