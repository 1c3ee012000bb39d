using System.Text.RegularExpressions;

namespace Recipes.Core.Text;

/// <summary>A token that is found in the text as it stands, before words are split.</summary>
/// <param name="Text">How it is written.</param>
/// <param name="Id">Its id.</param>
/// <param name="Special">Whether it is looked for in the raw text rather than in the normalised one.</param>
internal sealed record AddedToken(string Text, int Id, bool Special);

/// <summary>The special and added tokens of a tokenizer, and how a text is cut at them.</summary>
internal sealed class AddedTokens
{
    private readonly IReadOnlyList<AddedToken> _tokens;
    private readonly Dictionary<int, AddedToken> _byId;
    private readonly Dictionary<string, int> _specials;
    private readonly Dictionary<string, int> _words;
    private readonly Regex? _anySpecial;
    private readonly Regex? _anyWord;

    /// <summary>Of tokens written alike the first counts.</summary>
    public AddedTokens(IReadOnlyList<AddedToken> tokens)
    {
        _tokens = tokens;
        _byId = tokens.DistinctBy(token => token.Id).ToDictionary(token => token.Id);
        _specials = Index(tokens.Where(token => token.Special), token => token.Text);
        _words = Index(tokens.Where(token => !token.Special), token => ClipWords.Normalize(token.Text));
        _anySpecial = AnyOf(_specials.Keys);
        _anyWord = AnyOf(_words.Keys);
    }

    /// <summary>Those that are looked for in normalised text: all but the special ones.</summary>
    public IEnumerable<AddedToken> Words => _tokens.Where(token => !token.Special);

    /// <summary>These and more.</summary>
    public AddedTokens With(IEnumerable<AddedToken> more) => new([.. _tokens, .. more]);

    /// <summary>The token with this id, if it is one of these.</summary>
    public AddedToken? Find(int id) => _byId.GetValueOrDefault(id);

    /// <summary>Whether a token is written so, in any case.</summary>
    public bool Contains(string text) => _specials.ContainsKey(text) || _words.ContainsKey(ClipWords.Normalize(text));

    /// <summary>The text in order: the ids of tokens found, and normalised text between them.</summary>
    public IEnumerable<(string Text, int? Id)> Cut(string text)
    {
        foreach (var raw in Cut(text, _anySpecial, _specials))
        {
            if (raw.Id is not null)
            {
                yield return raw;
                continue;
            }

            foreach (var part in Cut(ClipWords.Normalize(raw.Text), _anyWord, _words))
            {
                yield return part;
            }
        }
    }

    private static Dictionary<string, int> Index(IEnumerable<AddedToken> tokens, Func<AddedToken, string> key) =>
        tokens.DistinctBy(key, StringComparer.Ordinal).ToDictionary(key, token => token.Id, StringComparer.Ordinal);

    // Of several that match at one place the longest counts.
    private static Regex? AnyOf(IEnumerable<string> literals)
    {
        var escaped = literals.OrderByDescending(literal => literal.Length).Select(Regex.Escape).ToArray();
        return escaped.Length == 0 ? null : new Regex(string.Join('|', escaped), RegexOptions.CultureInvariant);
    }

    private static IEnumerable<(string Text, int? Id)> Cut(string text, Regex? any, Dictionary<string, int> ids)
    {
        var at = 0;

        for (var match = any?.Match(text); match is { Success: true }; match = match.NextMatch())
        {
            yield return (text[at..match.Index], null);
            yield return (match.Value, ids[match.Value]);
            at = match.Index + match.Length;
        }

        yield return (text[at..], null);
    }
}
