using System.Globalization;
using SkiaSharp;

namespace Recipes.Core.Imaging.Annotators;

/// <summary>
/// Scribbles: a few thick white lines on black that follow a picture's strongest outlines. Canny's edges of the blurred
/// picture, without the short ones, are drawn anew with straight parts and a broad pen.
/// </summary>
/// <remarks>
/// ControlNets of scribbles were trained on HED or PiDiNet edges among others; neither network is used here, so lines
/// follow contrast rather than objects.
/// </remarks>
public sealed record ScribbleAnnotator : IAnnotator
{
    /// <inheritdoc/>
    public string Kind => "scribble";

    /// <summary>The pen's width as a part of the shorter side, above 0 up to 0.1.</summary>
    public double Pen { get; init; } = 0.012;

    /// <summary>Outlines shorter than this part of the shorter side are left out, 0 to 1.</summary>
    public double Shortest { get; init; } = 0.06;

    /// <summary>How long all lines are together, in shorter sides; the longest outlines come first. Above 0.</summary>
    public double Ink { get; init; } = 16;

    /// <summary>Canny's lower threshold on the blurred picture.</summary>
    public double Low { get; init; } = 10;

    /// <summary>Canny's upper threshold on the blurred picture.</summary>
    public double High { get; init; } = 30;

    /// <inheritdoc/>
    /// <exception cref="RecipesException">A setting is out of its range.</exception>
    public Image Annotate(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (!(Pen is > 0 and <= 0.1 && Shortest is >= 0 and <= 1 && Ink > 0))
        {
            throw new RecipesException(
                "control \"scribble\"",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"a pen of {Pen}, lines from {Shortest} and {Ink} sides of ink cannot be"),
                "Take a pen of up to 0.1, a shortest line of 0 to 1, and some ink.");
        }

        var side = Math.Min(image.Width, image.Height);
        var pen = Math.Max(1, Pen * side);
        var edges = Canny.Detect(Blurred(image, pen / 2), Low, High);
        var ink = 0.0;
        using var sketch = new Sketch(image.Width, image.Height);
        var lines = EdgeTracer.Trace(edges).Where(line => line.Count >= Shortest * side)
            .OrderByDescending(line => line.Count);
        foreach (var line in lines.TakeWhile(line => ink < Ink * side))
        {
            ink += line.Count;
            var points = Polyline.Simplify(line, pen / 4).Select(point => new SKPoint(point.X + 0.5f, point.Y + 0.5f));
            sketch.Line([.. points], (float)pen, SKColors.White);
        }

        return sketch.ToImage();
    }

    private static Image Blurred(Image image, double sigma)
    {
        var blurred = new Image(image.Width, image.Height);
        for (var channel = 0; channel < Image.Channels; channel++)
        {
            var plane = Plane.OfChannel(image, channel).Blur(sigma).Values;
            for (var i = 0; i < plane.Length; i++)
            {
                blurred.Pixels[(i * Image.Channels) + channel] = (byte)Math.Clamp(MathF.Round(plane[i]), 0, 255);
            }
        }

        return blurred;
    }
}
