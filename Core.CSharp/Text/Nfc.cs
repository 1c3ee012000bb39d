using System.Globalization;
using System.Text;

namespace Recipes.Core.Text;

/// <summary>
/// Unicode normalization form C (Unicode Standard Annex 15). The runtime's own normalization needs ICU, which a bare
/// machine lacks, and returns its input unchanged without it.
/// </summary>
public static class Nfc
{
    private const int HangulFirst = 0xAC00, LeadFirst = 0x1100, VowelFirst = 0x1161, TrailBefore = 0x11A7;
    private const int Leads = 19, Vowels = 21, Trails = 28;

    private static readonly Lazy<Tables> Data = new(Tables.Read);

    /// <summary>The composed form; lone surrogates become U+FFFD.</summary>
    public static string Normalize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);

        // Nothing below U+0300 combines or decomposes further in form C.
        if (text.All(c => c < 0x300))
        {
            return text;
        }

        var points = new List<int>(text.Length);

        foreach (var rune in text.EnumerateRunes())
        {
            Decompose(rune.Value, points);
        }

        Reorder(points);
        var composed = new StringBuilder(text.Length);

        foreach (var point in Compose(points))
        {
            composed.Append(new Rune(point).ToString());
        }

        return composed.ToString();
    }

    private static void Decompose(int point, List<int> points)
    {
        var syllable = point - HangulFirst;

        if (syllable is >= 0 and < Leads * Vowels * Trails)
        {
            points.Add(LeadFirst + (syllable / (Vowels * Trails)));
            points.Add(VowelFirst + (syllable / Trails % Vowels));

            if (syllable % Trails != 0)
            {
                points.Add(TrailBefore + (syllable % Trails));
            }
        }
        else if (point >= 0xC0 && Data.Value.Parts.TryGetValue(point, out var parts))
        {
            foreach (var part in parts)
            {
                Decompose(part, points);
            }
        }
        else
        {
            points.Add(point);
        }
    }

    /// <summary>Sorts each run of combining marks by class, keeping the order within a class.</summary>
    private static void Reorder(List<int> points)
    {
        for (var start = 0; start < points.Count;)
        {
            var end = start;

            while (end < points.Count && Class(points[end]) != 0)
            {
                end++;
            }

            if (end - start > 1)
            {
                var sorted = points.GetRange(start, end - start).OrderBy(Class).ToArray();

                for (var i = 0; i < sorted.Length; i++)
                {
                    points[start + i] = sorted[i];
                }
            }

            start = end + 1;
        }
    }

    private static List<int> Compose(List<int> points)
    {
        var composed = new List<int>(points.Count);
        var starter = -1;
        var lastClass = 0;

        foreach (var point in points)
        {
            var combining = Class(point);
            // A mark is blocked by a neighbour before it of the same or a higher class.
            var open = starter >= 0 && (starter == composed.Count - 1 || (lastClass != 0 && lastClass < combining));

            if (open && Pair(composed[starter], point) is { } whole)
            {
                composed[starter] = whole;
                continue;
            }

            if (combining == 0)
            {
                starter = composed.Count;
            }

            lastClass = combining;
            composed.Add(point);
        }

        return composed;
    }

    private static int? Pair(int first, int second)
    {
        var (lead, vowel, trail) = (first - LeadFirst, second - VowelFirst, second - TrailBefore);

        if (lead is >= 0 and < Leads && vowel is >= 0 and < Vowels)
        {
            return HangulFirst + (((lead * Vowels) + vowel) * Trails);
        }

        var syllable = first - HangulFirst;

        if (syllable is >= 0 and < Leads * Vowels * Trails && syllable % Trails == 0 && trail is > 0 and < Trails)
        {
            return first + trail;
        }

        return Data.Value.Pairs.TryGetValue((first, second), out var whole) ? whole : null;
    }

    private static int Class(int point) => point < 0x300 ? 0 : Data.Value.Classes.GetValueOrDefault(point);

    private sealed record Tables(
        Dictionary<int, int> Classes, Dictionary<int, int[]> Parts, Dictionary<(int First, int Second), int> Pairs)
    {
        public static Tables Read()
        {
            var tables = new Tables([], [], []);
            using var stream = typeof(Nfc).Assembly.GetManifestResourceStream("Recipes.Core.Text.Nfc.txt")
                ?? throw new InvalidOperationException("the table Nfc.txt is not in the assembly");
            using var reader = new StreamReader(stream);

            while (reader.ReadLine() is { } line)
            {
                var fields = line.Split(' ');

                switch (fields[0])
                {
                    case "C":
                        for (var point = Hex(fields[1]); point <= Hex(fields[2]); point++)
                        {
                            tables.Classes[point] = int.Parse(fields[3], CultureInfo.InvariantCulture);
                        }

                        break;
                    case "D" or "P":
                        tables.Parts[Hex(fields[1])] = [.. fields.Skip(2).Select(Hex)];

                        if (fields[0] == "P")
                        {
                            tables.Pairs[(Hex(fields[2]), Hex(fields[3]))] = Hex(fields[1]);
                        }

                        break;
                }
            }

            return tables;
        }

        private static int Hex(string digits) =>
            int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
