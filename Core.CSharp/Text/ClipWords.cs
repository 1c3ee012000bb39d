using System.Globalization;
using System.Text;

namespace Recipes.Core.Text;

/// <summary>
/// What CLIP's tokenizer does to a text before the byte pairs are merged: composed form, one space for any white space,
/// lower case; then words, that is contractions, runs of letters, single digits and runs of other signs.
/// </summary>
internal static class ClipWords
{
    private const int DottedCapitalI = 0x130;

    private static readonly string[] Contractions = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"];

    private enum Kind
    {
        Space,
        Letter,
        Digit,
        Other,
    }

    /// <summary>The text in the form in which words and added tokens are looked for.</summary>
    public static string Normalize(string text)
    {
        var normal = new StringBuilder(text.Length);
        var space = false;

        foreach (var rune in Nfc.Normalize(text).EnumerateRunes())
        {
            if (Rune.IsWhiteSpace(rune))
            {
                if (!space)
                {
                    normal.Append(' ');
                }

                space = true;
                continue;
            }

            space = false;
            // The only letter whose lower case is two characters: i and a combining dot.
            normal.Append(rune.Value == DottedCapitalI ? "i\u0307" : Rune.ToLowerInvariant(rune).ToString());
        }

        return normal.ToString();
    }

    /// <summary>The words of a normalised text, in order.</summary>
    public static IEnumerable<string> Split(string text)
    {
        for (var at = 0; at < text.Length;)
        {
            var contraction = Array.Find(Contractions, c => string.CompareOrdinal(text, at, c, 0, c.Length) == 0);
            var (kind, length) = Next(text, at);

            if (contraction is not null)
            {
                length = contraction.Length;
            }
            else if (kind is Kind.Letter or Kind.Other)
            {
                while (at + length < text.Length && Next(text, at + length) is var next && next.Kind == kind)
                {
                    length += next.Length;
                }
            }

            if (kind != Kind.Space)
            {
                yield return text.Substring(at, length);
            }

            at += length;
        }
    }

    private static (Kind Kind, int Length) Next(string text, int at)
    {
        Rune.DecodeFromUtf16(text.AsSpan(at), out var rune, out var length);

        var kind = Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter => Kind.Letter,
            >= UnicodeCategory.DecimalDigitNumber and <= UnicodeCategory.OtherNumber => Kind.Digit,
            _ => Rune.IsWhiteSpace(rune) ? Kind.Space : Kind.Other,
        };

        return (kind, length);
    }
}
