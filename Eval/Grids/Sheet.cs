using Recipes.Core.Imaging;
using SkiaSharp;

namespace Recipes.Eval.Grids;

/// <summary>The three weights of lettering on a sheet.</summary>
internal enum Ink
{
    /// <summary>Prompts and captions.</summary>
    Plain,

    /// <summary>Headings.</summary>
    Strong,

    /// <summary>Seeds and other small print.</summary>
    Soft,
}

/// <summary>A blank page that takes pictures and lettering. Equal calls make equal pixels.</summary>
internal sealed class Sheet : IDisposable
{
    private static readonly SKColor Paper = new(0xFA, 0xF9, 0xF7);
    private readonly SKBitmap _bitmap;
    private readonly SKCanvas _canvas;

    public Sheet(int width, int height)
    {
        _bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        _canvas = new SKCanvas(_bitmap);
        _canvas.Clear(Paper);
    }

    /// <summary>Pixels between two base lines of lettering with capitals this high.</summary>
    public static int LineHeight(float capital) => (int)MathF.Ceiling(capital * 1.9f);

    /// <summary>Width in pixels of a text with capitals this high.</summary>
    public static float Measure(string text, float capital) =>
        StrokeFont.Default.Measure(text) * capital / StrokeFont.CapHeight;

    /// <summary>
    /// Breaks a text into lines no wider than <paramref name="width"/> pixels, at spaces where it can. What does not
    /// fit
    /// into <paramref name="most"/> lines ends in an ellipsis.
    /// </summary>
    public static IReadOnlyList<string> Wrap(string text, float capital, float width, int most)
    {
        var lines = new List<string>();
        var line = "";
        foreach (var word in text.Split(' ', '\n', '\t', '\r').Where(word => word.Length > 0))
        {
            var longer = line.Length == 0 ? word : line + " " + word;
            if (Measure(longer, capital) <= width)
            {
                line = longer;
                continue;
            }

            if (line.Length > 0)
            {
                lines.Add(line);
            }

            line = word;
            while (Measure(line, capital) > width && line.Length > 1)
            {
                var fits = Enumerable.Range(1, line.Length - 1)
                    .LastOrDefault(n => Measure(line[..n], capital) <= width, 1);
                lines.Add(line[..fits]);
                line = line[fits..];
            }
        }

        if (line.Length > 0)
        {
            lines.Add(line);
        }

        if (lines.Count <= most)
        {
            return lines;
        }

        var last = lines[most - 1];
        while (last.Length > 0 && Measure(last + "…", capital) > width)
        {
            last = last[..^1].TrimEnd();
        }

        return [.. lines.Take(most - 1), last + "…"];
    }

    /// <summary>One line no wider than <paramref name="width"/> pixels, cut with an ellipsis if need be.</summary>
    public static string Fit(string text, float capital, float width) =>
        Wrap(text, capital, width, 1).FirstOrDefault() ?? "";

    /// <summary>Writes one line; (x, y) is the left end of its base line.</summary>
    public void Text(string text, float x, float y, float capital, Ink ink)
    {
        var scale = capital / StrokeFont.CapHeight;
        using var paint = new SKPaint
        {
            IsAntialias = true,
            Style = SKPaintStyle.Stroke,
            StrokeCap = SKStrokeCap.Round,
            StrokeJoin = SKStrokeJoin.Round,
            StrokeWidth = ink == Ink.Strong ? 2.5f : 1.65f,
            Color = ink == Ink.Soft ? new SKColor(0x6A, 0x6A, 0x72) : new SKColor(0x1D, 0x1D, 0x1F),
        };
        using var path = StrokeFont.Default.Path(text);
        _canvas.Save();
        _canvas.Translate(x, y);
        _canvas.Scale(scale);
        _canvas.DrawPath(path, paint);
        _canvas.Restore();
    }

    /// <summary>
    /// Fits a picture into a square cell, whole and in the middle. At its own size it keeps every byte.
    /// </summary>
    public void Picture(Image image, int x, int y, int cell)
    {
        var scale = cell / (double)Math.Max(image.Width, image.Height);
        var width = Math.Max(1, (int)Math.Round(image.Width * scale));
        var height = Math.Max(1, (int)Math.Round(image.Height * scale));
        var filter = scale > 1 ? Resampling.Bicubic : Resampling.Lanczos;
        var fitted = scale == 1 ? image : Resize.To(image, width, height, filter);
        var (left, top) = (x + (cell - width) / 2, y + (cell - height) / 2);
        var target = _bitmap.GetPixelSpan();
        for (var row = 0; row < height; row++)
        {
            var source = fitted.Row(row);
            var start = (top + row) * _bitmap.RowBytes + left * 4;
            for (var column = 0; column < width; column++)
            {
                source.Slice(column * 3, 3).CopyTo(target[(start + column * 4)..]);
            }
        }
    }

    public Image ToImage()
    {
        _canvas.Flush();
        var image = new Image(_bitmap.Width, _bitmap.Height);
        for (var y = 0; y < image.Height; y++)
        {
            var source = _bitmap.GetPixelSpan().Slice(y * _bitmap.RowBytes, image.Width * 4);
            var target = image.Row(y);
            for (var x = 0; x < image.Width; x++)
            {
                source.Slice(x * 4, 3).CopyTo(target[(x * 3)..]);
            }
        }

        return image;
    }

    public void Dispose()
    {
        _canvas.Dispose();
        _bitmap.Dispose();
    }
}
