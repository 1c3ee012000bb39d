namespace Recipes.Core.Imaging;

/// <summary>Which pixels of a picture are edges.</summary>
public sealed class EdgeMap
{
    private readonly bool[] _edges;

    /// <summary>Wraps the values without copying them.</summary>
    /// <param name="width">Pixels in a row, at least 1.</param>
    /// <param name="height">Rows, at least 1.</param>
    /// <param name="edges">Height x width values, row by row; true is an edge.</param>
    /// <exception cref="ArgumentException">There are not height x width values.</exception>
    public EdgeMap(int width, int height, bool[] edges)
    {
        ArgumentNullException.ThrowIfNull(edges);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        if (edges.LongLength != (long)width * height)
        {
            throw new ArgumentException(
                $"{width}x{height} edges take another count than {edges.Length}", nameof(edges));
        }

        (Width, Height, _edges) = (width, height, edges);
    }

    /// <summary>Pixels in a row.</summary>
    public int Width { get; }

    /// <summary>Rows.</summary>
    public int Height { get; }

    /// <summary>How many pixels are edges.</summary>
    public int Count => _edges.Count(edge => edge);

    /// <summary>Whether the pixel is an edge.</summary>
    public bool this[int x, int y] => _edges[(y * Width) + x];

    /// <summary>The pixels of a drawn map: edges are brighter than half in luma.</summary>
    public static EdgeMap FromImage(Image image)
    {
        var luma = Luma.Of(image);
        return new EdgeMap(image.Width, image.Height, Array.ConvertAll(luma, value => value > 127));
    }

    /// <summary>White edges on black, as ControlNets of edges and lines take them.</summary>
    public Image ToImage()
    {
        var image = new Image(Width, Height);
        for (var i = 0; i < _edges.Length; i++)
        {
            if (_edges[i])
            {
                image.Pixels.AsSpan(i * Image.Channels, Image.Channels).Fill(255);
            }
        }

        return image;
    }

    /// <summary>
    /// Every edge grown to the square of the pixels at most <paramref name="radius"/> away in either direction.
    /// </summary>
    public EdgeMap Grow(int radius)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(radius);
        var wide = new bool[_edges.Length];
        var grown = new bool[_edges.Length];
        for (var y = 0; y < Height; y++)
        {
            Spread(_edges, wide, y * Width, 1, Width, radius);
        }

        for (var x = 0; x < Width; x++)
        {
            Spread(wide, grown, x, Width, Height, radius);
        }

        return new EdgeMap(Width, Height, grown);
    }

    /// <summary>The edges that are also edges of the other map, which has the same size.</summary>
    public EdgeMap And(EdgeMap other) => With(other, (one, two) => one && two);

    /// <summary>The edges of either map; both have the same size.</summary>
    public EdgeMap Or(EdgeMap other) => With(other, (one, two) => one || two);

    private EdgeMap With(EdgeMap other, Func<bool, bool, bool> join)
    {
        ArgumentNullException.ThrowIfNull(other);
        if ((other.Width, other.Height) != (Width, Height))
        {
            throw new ArgumentException(
                $"edges of {Width}x{Height} and of {other.Width}x{other.Height} do not lie over each other",
                nameof(other));
        }

        var joined = new bool[_edges.Length];
        for (var i = 0; i < joined.Length; i++)
        {
            joined[i] = join(_edges[i], other._edges[i]);
        }

        return new EdgeMap(Width, Height, joined);
    }

    private static void Spread(bool[] from, bool[] to, int start, int step, int count, int radius)
    {
        var reach = -1;
        for (var i = -radius; i < count; i++)
        {
            if (i + radius < count && from[start + ((i + radius) * step)])
            {
                reach = i + (2 * radius);
            }

            if (i >= 0)
            {
                to[start + (i * step)] = i <= reach;
            }
        }
    }
}
