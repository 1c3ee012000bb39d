using System.Collections.Concurrent;
using System.Text;

namespace Recipes.Core.Text;

/// <summary>
/// CLIP's byte pair tokenizer, by transformers' rules: special tokens are cut out of the raw text; the rest is brought
/// to composed form and lower case and split into words; each word's UTF-8 bytes are merged by rank, the last symbol
/// carrying the mark &lt;/w&gt;. Immutable and safe for concurrent use.
/// </summary>
public sealed class ClipTokenizer
{
    private const string WordEnd = "</w>";
    private const int LongestCached = 64;
    private const int MostCached = 50_000;
    private const int ClipLength = 77;

    private static readonly Lazy<(Dictionary<string, int> Ids, Dictionary<(int, int), (int, int)> Merges)> Own =
        new(ClipMerges.Read);

    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<int, string> _tokens;
    private readonly Dictionary<(int Left, int Right), (int Rank, int Joined)> _merges;
    private readonly AddedTokens _added;
    private readonly BytePairs _pairs;
    private readonly Dictionary<int, int> _vectors;
    private readonly int _unknown;
    private readonly ConcurrentDictionary<string, int[]> _cache = new(StringComparer.Ordinal);

    private ClipTokenizer(
        Dictionary<string, int> ids,
        Dictionary<(int Left, int Right), (int Rank, int Joined)> merges,
        AddedTokens added,
        int unknown,
        Dictionary<int, int> vectors)
    {
        _vectors = vectors;
        (_ids, _merges, _added, _unknown) = (ids, merges, added, unknown);
        _tokens = ids.ToDictionary(entry => entry.Value, entry => entry.Key);
        _pairs = new BytePairs(merges);
        Count = ids.Values.Max() + 1;
    }

    /// <summary>Ids that <see cref="Encode"/> gives, begin and end included; 77 for CLIP.</summary>
    public int MaxLength { get; private init; }

    /// <summary>The id that begins every prompt.</summary>
    public int BosId { get; private init; }

    /// <summary>The id that ends every prompt.</summary>
    public int EosId { get; private init; }

    /// <summary>The id that fills a prompt up to <see cref="MaxLength"/>.</summary>
    public int PadId { get; private init; }

    /// <summary>Rows that an embedding table needs: the largest id + 1.</summary>
    public int Count { get; }

    /// <summary>
    /// Reads vocab.json, merges.txt and tokenizer_config.json, and where they are there special_tokens_map.json and
    /// added_tokens.json.
    /// </summary>
    /// <exception cref="RecipesException">A file is missing or wrong; the message names it.</exception>
    public static ClipTokenizer Load(string folder)
    {
        var settings = TokenizerSettings.Read(folder);
        var ids = TokenizerFiles.Vocabulary(folder);
        var merges = TokenizerFiles.Merges(folder, ids);

        foreach (var token in settings.Added)
        {
            AddTo(ids, token, folder);
        }

        return Build(settings, ids, merges, Path.Combine(folder, "vocab.json"));
    }

    /// <summary>
    /// The tokenizer of OpenAI's CLIP with its whole vocabulary, which comes with this library: the one of every public
    /// Stable Diffusion model.
    /// </summary>
    /// <param name="pad">
    /// The token that fills prompts up: &lt;|endoftext|&gt; for CLIP's own encoder, ! for OpenCLIP's.
    /// </param>
    public static ClipTokenizer Clip(string pad = "<|endoftext|>")
    {
        const string End = "<|endoftext|>";
        var settings = new TokenizerSettings(ClipLength, "<|startoftext|>", End, pad, End, []);
        return Build(settings, Own.Value.Ids, Own.Value.Merges, "CLIP's vocabulary");
    }

    private static ClipTokenizer Build(
        TokenizerSettings settings,
        Dictionary<string, int> ids,
        Dictionary<(int Left, int Right), (int Rank, int Joined)> merges,
        string where)
    {
        string[] names = [settings.Bos, settings.Eos, settings.Pad, settings.Unknown];
        var specials = names.Distinct().Select(name => new AddedToken(name, Special(name), Special: true)).ToList();
        var added = new AddedTokens([.. specials, .. settings.Added.Where(token => !names.Contains(token.Text))]);

        return new ClipTokenizer(ids, merges, added, ids[settings.Unknown], [])
        {
            MaxLength = settings.MaxLength,
            BosId = ids[settings.Bos],
            EosId = ids[settings.Eos],
            PadId = ids[settings.Pad],
        };

        int Special(string name) => ids.TryGetValue(name, out var id)
            ? id
            : throw new RecipesException(
                where,
                $"the special token '{name}' is missing among {ids.Count} tokens",
                "Add it, or name another one in tokenizer_config.json.");
    }

    /// <summary>Writes the files that <see cref="Load"/> reads into a folder, made where there is none.</summary>
    public void Write(string folder) => TokenizerWriter.Write(folder, new TokenizerWriter.Contents(
        _ids,
        _merges.OrderBy(merge => merge.Value.Rank)
            .Select(merge => (_tokens[merge.Key.Left], _tokens[merge.Key.Right])),
        _added.Words.ToDictionary(token => token.Text, token => token.Id),
        [
            ("bos_token", _tokens[BosId]),
            ("eos_token", _tokens[EosId]),
            ("pad_token", _tokens[PadId]),
            ("unk_token", _tokens[_unknown]),
        ],
        MaxLength));

    /// <summary>
    /// The same tokenizer with new tokens, numbered from <see cref="Count"/> on (textual inversion's placeholders).
    /// They are found anywhere in the text, whatever their case.
    /// </summary>
    /// <exception cref="RecipesException">A token is empty or already there.</exception>
    public ClipTokenizer WithTokens(IEnumerable<string> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        var ids = new Dictionary<string, int>(_ids, StringComparer.Ordinal);
        var added = new List<AddedToken>();
        var next = Count;

        foreach (var text in tokens)
        {
            if (string.IsNullOrWhiteSpace(text)
                || ids.ContainsKey(text)
                || ids.ContainsKey(ClipWords.Normalize(text) + WordEnd)
                || _added.Contains(text))
            {
                throw new RecipesException(
                    $"new token '{text}'",
                    "it is empty or already in the vocabulary",
                    "Choose another word, e.g. <my-toy>.");
            }

            var token = new AddedToken(text, next++, Special: false);
            AddTo(ids, token, $"new token '{text}'");
            added.Add(token);
        }

        return new ClipTokenizer(ids, _merges, _added.With(added), _unknown, new(_vectors))
        {
            MaxLength = MaxLength,
            BosId = BosId,
            EosId = EosId,
            PadId = PadId,
        };
    }

    /// <summary>
    /// The same tokenizer with a new token of several vectors: TOKEN, TOKEN_1, TOKEN_2 and so on get an id each, and
    /// TOKEN in a text stands for all of them.
    /// </summary>
    /// <exception cref="RecipesException">One of the tokens is already there.</exception>
    public ClipTokenizer WithEmbedding(string token, int vectors)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vectors, 1);
        var extended = WithTokens([token, .. Enumerable.Range(1, vectors - 1).Select(index => $"{token}_{index}")]);
        extended._vectors[Count] = vectors;
        return extended;
    }

    /// <summary>
    /// Begin, the text's ids cut to <see cref="MaxLength"/> - 2, end, and padding: always MaxLength ids.
    /// </summary>
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var encoded = new int[MaxLength];
        var at = 0;
        encoded[at++] = BosId;

        foreach (var id in Ids(text).Take(MaxLength - 2))
        {
            encoded[at++] = id;
        }

        encoded[at++] = EosId;
        encoded.AsSpan(at).Fill(PadId);
        return encoded;
    }

    /// <summary>The text's ids without begin and end, however many.</summary>
    public IReadOnlyList<int> Tokenize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. Ids(text)];
    }

    /// <summary>The text's tokens as the vocabulary writes them, e.g. "photo&lt;/w&gt;".</summary>
    public IReadOnlyList<string> Pieces(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. Ids(text).Select(id => _tokens[id])];
    }

    /// <summary>The words of these ids with single spaces, specials left out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public string Decode(IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        var text = new StringBuilder();
        var symbols = new StringBuilder();

        foreach (var id in ids)
        {
            if (!_tokens.TryGetValue(id, out var token))
            {
                throw new ArgumentOutOfRangeException(nameof(ids), id, $"not one of {Count} ids");
            }

            if (_added.Find(id) is { } added)
            {
                Flush("");
                text.Append(added.Special ? "" : token + " ");
            }
            else if (token.EndsWith(WordEnd, StringComparison.Ordinal))
            {
                symbols.Append(token.AsSpan(0, token.Length - WordEnd.Length));
                Flush(" ");
            }
            else
            {
                symbols.Append(token);
            }
        }

        Flush("");
        return text.ToString().Trim();

        // A character may lie across several tokens, so bytes are decoded a word at a time.
        void Flush(string end)
        {
            text.Append(ByteSymbols.Decode(symbols.ToString())).Append(end);
            symbols.Clear();
        }
    }

    /// <summary>The id of a token as the vocabulary writes it.</summary>
    public bool TryGetId(string token, out int id) => _ids.TryGetValue(token, out id);

    private static void AddTo(Dictionary<string, int> ids, AddedToken token, string where)
    {
        var taken = ids.TryGetValue(token.Text, out var id) ? id != token.Id : ids.ContainsValue(token.Id);

        if (taken)
        {
            throw new RecipesException(
                where,
                $"the added token '{token.Text}' with id {token.Id} clashes with the vocabulary of {ids.Count}",
                "Give it an id of its own.");
        }

        ids[token.Text] = token.Id;
    }

    private IEnumerable<int> Ids(string text) =>
        _added.Cut(text).SelectMany(part => part.Id is { } id
            ? Enumerable.Range(id, _vectors.GetValueOrDefault(id, 1))
            : ClipWords.Split(part.Text).SelectMany(Word));

    private int[] Word(string word)
    {
        if (_cache.TryGetValue(word, out var known))
        {
            return known;
        }

        var bytes = Encoding.UTF8.GetBytes(word);
        var symbols = new int[bytes.Length];

        for (var i = 0; i < bytes.Length; i++)
        {
            var symbol = ByteSymbols.Of(bytes[i]) + (i == bytes.Length - 1 ? WordEnd : "");
            symbols[i] = _ids.GetValueOrDefault(symbol, _unknown);
        }

        var ids = _pairs.Merge(symbols);

        if (word.Length <= LongestCached && _cache.Count < MostCached)
        {
            _cache[word] = ids;
        }

        return ids;
    }
}
