using SkiaSharp;

namespace Recipes.Core.Imaging.Annotators;

/// <summary>Draws on a black picture; what overlaps covers what was drawn before.</summary>
internal sealed class Sketch : IDisposable
{
    private readonly SKBitmap bitmap;
    private readonly SKCanvas canvas;

    public Sketch(int width, int height)
    {
        bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        canvas = new SKCanvas(bitmap);
        canvas.Clear(SKColors.Black);
    }

    /// <summary>A line through points, with round ends and corners.</summary>
    public void Line(IReadOnlyList<SKPoint> points, float thickness, SKColor colour, bool smooth = true)
    {
        using var paint = Paint(colour, smooth);
        paint.Style = SKPaintStyle.Stroke;
        paint.StrokeWidth = thickness;
        (paint.StrokeCap, paint.StrokeJoin) = (SKStrokeCap.Round, SKStrokeJoin.Round);
        using var path = new SKPath();
        path.AddPoly([.. points], close: false);
        canvas.DrawPath(path, paint);
    }

    /// <summary>An ellipse as long as the way from one point to the other.</summary>
    public void Limb(SKPoint from, SKPoint to, float thickness, SKColor colour)
    {
        var length = SKPoint.Distance(from, to);
        canvas.Save();
        canvas.Translate((from.X + to.X) / 2, (from.Y + to.Y) / 2);
        canvas.RotateRadians(MathF.Atan2(to.Y - from.Y, to.X - from.X));
        using var paint = Paint(colour, smooth: true);
        canvas.DrawOval(0, 0, length / 2, thickness / 2, paint);
        canvas.Restore();
    }

    /// <summary>A filled circle.</summary>
    public void Disc(SKPoint centre, float radius, SKColor colour)
    {
        using var paint = Paint(colour, smooth: true);
        canvas.DrawCircle(centre, radius, paint);
    }

    /// <summary>The picture as it stands.</summary>
    public Image ToImage()
    {
        canvas.Flush();
        var image = new Image(bitmap.Width, bitmap.Height);
        var bytes = bitmap.GetPixelSpan();
        for (var y = 0; y < image.Height; y++)
        {
            var source = bytes.Slice(y * bitmap.RowBytes, image.Width * 4);
            var target = image.Row(y);
            for (var x = 0; x < image.Width; x++)
            {
                source.Slice(x * 4, Image.Channels).CopyTo(target[(x * Image.Channels)..]);
            }
        }

        return image;
    }

    public void Dispose()
    {
        canvas.Dispose();
        bitmap.Dispose();
    }

    private static SKPaint Paint(SKColor colour, bool smooth) => new() { Color = colour, IsAntialias = smooth };
}
