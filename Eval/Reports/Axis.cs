using System.Globalization;

namespace Recipes.Eval.Reports;

/// <summary>An axis with round ticks (steps of 1, 2 or 5 times a power of ten) that covers a range.</summary>
internal sealed class Axis
{
    private readonly double _step;

    /// <param name="low">Smallest value shown.</param>
    /// <param name="high">Largest value shown.</param>
    /// <param name="ticks">About how many ticks to draw.</param>
    /// <param name="tight">Whether the axis ends at the data rather than at a tick.</param>
    public Axis(double low, double high, int ticks, bool tight)
    {
        if (high <= low)
        {
            var margin = low == 0 ? 1 : Math.Abs(low) * 0.5;
            (low, high) = (low - margin, low + margin);
        }

        var rough = (high - low) / ticks;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        _step = new[] { 1.0, 2, 5, 10 }.First(factor => rough <= factor * power * 1.0001) * power;
        Low = tight ? low : Math.Floor(low / _step + 1e-9) * _step;
        High = tight ? high : Math.Ceiling(high / _step - 1e-9) * _step;
    }

    public double Low { get; }

    public double High { get; }

    public IEnumerable<double> Ticks
    {
        get
        {
            for (var k = (long)Math.Ceiling(Low / _step - 1e-9); k * _step <= High + _step * 1e-9; k++)
            {
                yield return k * _step;
            }
        }
    }

    /// <summary>Where a value lies between the ends, from 0 to 1.</summary>
    public double Place(double value) => (value - Low) / (High - Low);

    /// <summary>A tick's label with just the decimals that the spacing needs.</summary>
    public string Label(double tick)
    {
        if (Math.Max(Math.Abs(Low), Math.Abs(High)) < 1e-3)
        {
            return tick == 0 ? "0" : tick.ToString("0.##e0", CultureInfo.InvariantCulture).Replace("-", "−");
        }

        var decimals = Math.Clamp(-(int)Math.Floor(Math.Log10(_step) + 1e-9), 0, 6);
        return tick.ToString("N" + decimals, CultureInfo.InvariantCulture).Replace(",", " ").Replace("-", "−");
    }
}
