using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace Recipes.Eval.Reports;

/// <summary>
/// Writes HTML so that no text can turn into markup: whatever is not a literal tag goes through the encoder.
/// </summary>
internal sealed class Html
{
    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);
    private readonly StringBuilder _text = new();

    /// <summary>Text safe between tags and inside a quoted attribute; line breaks and tabs stay themselves.</summary>
    public static string Escape(string text)
    {
        var parts = text.Replace("\r\n", "\n").Split('\n');
        return string.Join('\n', parts.Select(line => string.Join('\t', line.Split('\t').Select(Encoder.Encode))));
    }

    /// <summary>A number as markup writes it, with at most two decimals.</summary>
    public static string Number(double value) => Math.Round(value, 2).ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>Adds markup as it stands. For literals only.</summary>
    public Html Raw(string markup)
    {
        _text.Append(markup);
        return this;
    }

    /// <summary>Adds text, escaped.</summary>
    public Html Text(string text)
    {
        _text.Append(Escape(text));
        return this;
    }

    /// <summary>Adds an element that holds only text.</summary>
    public Html Element(string open, string text)
    {
        var name = open.Split(' ')[0];
        return Raw($"<{open}>").Text(text).Raw($"</{name}>");
    }

    public override string ToString() => _text.ToString();
}
