using System.Globalization;
using SkiaSharp;

namespace Recipes.Eval.Grids;

/// <summary>
/// Lettering of single strokes with round ends, drawn for this project and embedded in it, so that a sheet looks the
/// same on
/// a machine without any fonts. It covers ASCII, typographic marks and the accented Latin letters; others show as a
/// box.
/// </summary>
internal sealed class StrokeFont
{
    /// <summary>Font units from the top of a capital to the base line.</summary>
    public const float CapHeight = 14;

    private const float SpaceAdvance = 6.2f;
    private static readonly Lazy<StrokeFont> Loaded = new(() => new StrokeFont());
    private readonly Dictionary<char, Glyph> _glyphs = [];
    private readonly Glyph _unknown = new(SKPath.ParseSvgPathData("M0 0H8V14H0Z"), 1.7f, 8, 1.7f);

    private StrokeFont()
    {
        foreach (var line in Lines("strokes.txt"))
        {
            var parts = line.Split(' ', 4);
            var path = SKPath.ParseSvgPathData(parts[3]);
            _glyphs[line[0]] = new Glyph(path, Bearing(parts[1][0]), Number(parts[2]), Bearing(parts[1][1]));
        }

        foreach (var line in Lines("accents.txt"))
        {
            // The path itself has spaces; the first word with an equals sign behind it begins the letters.
            var words = line.Split(' ');
            var letters = words.Where(word => word.Length == 3 && word[1] == '=').ToList();
            var mark = SKPath.ParseSvgPathData(string.Join(' ', words.Skip(2).SkipLast(letters.Count)));
            foreach (var letter in letters)
            {
                _glyphs[letter[0]] = Wear(_glyphs[letter[2]], mark, below: words[1] == "below");
            }
        }
    }

    public static StrokeFont Default => Loaded.Value;

    /// <summary>Whether the character has a drawing of its own.</summary>
    public bool Has(char character) => _glyphs.ContainsKey(character);

    /// <summary>Width of the text in units.</summary>
    public float Measure(string text) =>
        text.Sum(character => character == ' ' ? SpaceAdvance : this[character].Advance);

    /// <summary>The text as one path in units, the base line at y = 0.</summary>
    public SKPath Path(string text)
    {
        var whole = new SKPath();
        var x = 0f;
        foreach (var character in text)
        {
            if (character == ' ')
            {
                x += SpaceAdvance;
                continue;
            }

            var glyph = this[character];
            whole.AddPath(glyph.Path, x + glyph.Left, -CapHeight);
            x += glyph.Advance;
        }

        return whole;
    }

    private Glyph this[char character] => _glyphs.GetValueOrDefault(character, _unknown);

    private static Glyph Wear(Glyph letter, SKPath mark, bool below)
    {
        var y = below ? CapHeight : letter.Path.TightBounds.Top - 1;
        var whole = new SKPath();
        whole.AddPath(letter.Path);
        whole.AddPath(mark, letter.Width / 2, y);
        return letter with { Path = whole };
    }

    private static float Bearing(char side) => side switch { 's' => 1.9f, 'r' => 1.45f, _ => 1.0f };

    private static float Number(string text) => float.Parse(text, CultureInfo.InvariantCulture);

    private static IEnumerable<string> Lines(string resource)
    {
        using var stream = typeof(StrokeFont).Assembly.GetManifestResourceStream(resource)!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line.Length > 0 && !line.StartsWith(";;", StringComparison.Ordinal))
            {
                yield return line;
            }
        }
    }

    private sealed record Glyph(SKPath Path, float Left, float Width, float Right)
    {
        public float Advance => Left + Width + Right;
    }
}
