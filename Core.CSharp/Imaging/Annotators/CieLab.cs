namespace Recipes.Core.Imaging.Annotators;

/// <summary>Colours in CIE L*a*b* (D65), where distances are roughly as large as they look.</summary>
internal static class CieLab
{
    private static readonly float[] Linear = [.. Enumerable.Range(0, 256).Select(FromSrgb)];

    /// <summary>L* (0 to 100), a* and b* of an sRGB colour.</summary>
    public static (float L, float A, float B) Of(byte red, byte green, byte blue)
    {
        var (r, g, b) = (Linear[red], Linear[green], Linear[blue]);
        var x = Root(((0.4124564f * r) + (0.3575761f * g) + (0.1804375f * b)) / 0.95047f);
        var y = Root((0.2126729f * r) + (0.7151522f * g) + (0.0721750f * b));
        var z = Root(((0.0193339f * r) + (0.1191920f * g) + (0.9503041f * b)) / 1.08883f);
        return ((116 * y) - 16, 500 * (x - y), 200 * (y - z));
    }

    private static float FromSrgb(int value)
    {
        var share = value / 255.0;
        return (float)(share <= 0.04045 ? share / 12.92 : Math.Pow((share + 0.055) / 1.055, 2.4));
    }

    private static float Root(float value) =>
        value > 0.008856f ? MathF.Cbrt(value) : (7.787037f * value) + (16f / 116);
}
