using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Recipes.Core.Pocket;

/// <summary>
/// Cuts CLIP's vocabulary down to what the embedded model needs: all byte symbols, CLIP's first merges, and the later
/// merges that build the words of captions and recipes. A word so built splits exactly as under CLIP's own merges,
/// since at each step CLIP's choice is still there and still comes first.
/// </summary>
public static class PocketVocabulary
{
    private const int FirstMerges = 1600;
    private const string WordEnd = "</w>";

    /// <summary>Tokens in a caption, begin and end included, as in CLIP.</summary>
    private const int Length = 77;

    // What people write around a subject: openings, settings, materials, kinds. Nouns of the table are added to these.
    private const string RecipeWords = """
        a an the of on in at to with and or next by from for over under behind above below top left right middle side
        front photo photograph picture image drawing painting icon illustration sketch sticker emoji poster art style
        watercolor pencil oil cartoon flat 3d small big tiny huge large little new old shiny wet red orange yellow green
        teal blue purple pink brown gray grey black white golden silver colorful bright dark background color colour
        plain snow beach jungle forest street city house garden kitchen table floor wooden wood water river ocean sea
        sky night sunset grass field desert space room wall road mountain wearing hat scarf glasses shirt outfit holding
        riding sitting standing running sleeping flying floating happy sad angry cute funny cube shaped round animal toy
        man woman boy girl person people child baby kid thing object two three many one pair character creature monster
        mascot figure doll statue plush logo symbol sign close up view portrait full body centered simple clean
        beautiful high quality detailed low bad blurry worst ugly dog cat bird robot dragon car tree flower fruit food
        """;

    /// <summary>Every word that has to be short: those of the table, of scenes' captions and of common recipes.</summary>
    public static IReadOnlyList<string> Words { get; } =
    [
        .. Things.All.SelectMany(thing => new[] { thing.Noun, thing.Group })
            .Concat(Styles.All).Concat(Backgrounds.All.Select(background => background.Name)).Append(RecipeWords)
            .SelectMany(words => words.Split([' ', '\n', '-'], StringSplitOptions.RemoveEmptyEntries))
            .Distinct().Order(StringComparer.Ordinal),
    ];

    /// <summary>
    /// Writes vocab.json, merges.txt, tokenizer_config.json and special_tokens_map.json, the files of a CLIP tokenizer
    /// folder, made from CLIP's own merges.txt (rank order).
    /// </summary>
    public static void Write(string clipMerges, string folder)
    {
        var merges = File.ReadAllLines(clipMerges).Where(line => line.Length > 0 && !line.StartsWith("#version"))
            .Select(line => line.Split(' ')).Select(pair => (Left: pair[0], Right: pair[1])).ToArray();
        var ranks = new Dictionary<(string, string), int>();
        foreach (var (rank, pair) in merges.Index())
        {
            ranks[pair] = rank;
        }

        var kept = new SortedSet<int>(Enumerable.Range(0, Math.Min(FirstMerges, merges.Length)));
        foreach (var part in Words.SelectMany(Parts))
        {
            kept.UnionWith(MergesOf(part, merges, ranks));
        }

        Directory.CreateDirectory(folder);
        var lines = kept.Select(rank => $"{merges[rank].Left} {merges[rank].Right}\n");
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n" + string.Concat(lines));
        WriteVocabulary(Path.Combine(folder, "vocab.json"), kept.Select(rank => merges[rank].Left + merges[rank].Right));
        var special = new Dictionary<string, object>
        {
            ["bos_token"] = "<|startoftext|>",
            ["eos_token"] = "<|endoftext|>",
            ["pad_token"] = "<|endoftext|>",
            ["unk_token"] = "<|endoftext|>",
        };
        WriteJson(Path.Combine(folder, "special_tokens_map.json"), special);
        WriteJson(Path.Combine(folder, "tokenizer_config.json"), new Dictionary<string, object>(special)
        {
            ["do_lower_case"] = true,
            ["model_max_length"] = Length,
            ["tokenizer_class"] = "CLIPTokenizer",
        });
    }

    // CLIP takes digits one by one and letters together.
    private static IEnumerable<string> Parts(string word) => word == "3d" ? ["3", "d"] : [word];

    private static List<int> MergesOf(
        string word, (string Left, string Right)[] merges, Dictionary<(string, string), int> ranks)
    {
        var pieces = word.Select(letter => letter.ToString()).ToList();
        pieces[^1] += WordEnd;
        var used = new List<int>();
        while (true)
        {
            var best = pieces.Zip(pieces.Skip(1)).Select(pair => ranks.GetValueOrDefault(pair, int.MaxValue))
                .Append(int.MaxValue).Min();
            if (best == int.MaxValue)
            {
                return used;
            }

            used.Add(best);
            for (var at = 0; at + 1 < pieces.Count; at++)
            {
                if ((pieces[at], pieces[at + 1]) == merges[best])
                {
                    pieces[at] += pieces[at + 1];
                    pieces.RemoveAt(at + 1);
                }
            }
        }
    }

    // Ids as in CLIP: 256 byte symbols, the same at a word's end, the merges in rank order, the two marks.
    private static void WriteVocabulary(string path, IEnumerable<string> merged)
    {
        var symbols = ByteSymbols().ToArray();
        var tokens = symbols.Concat(symbols.Select(symbol => symbol + WordEnd)).Concat(merged)
            .Append("<|startoftext|>").Append("<|endoftext|>");
        var ids = new Dictionary<string, int>();
        foreach (var token in tokens)
        {
            ids.TryAdd(token, ids.Count);
        }

        WriteJson(path, ids, indented: false);
    }

    // GPT-2's byte alphabet: printable Latin-1 bytes stand for themselves and come first, the others for letters from U+0100.
    private static IEnumerable<string> ByteSymbols()
    {
        var printable = Enumerable.Range('!', '~' - '!' + 1)
            .Concat(Enumerable.Range('¡', '¬' - '¡' + 1)).Concat(Enumerable.Range('®', 'ÿ' - '®' + 1)).ToArray();
        return printable.Concat(Enumerable.Range(256, 256 - printable.Length)).Select(code => ((char)code).ToString());
    }

    private static void WriteJson<T>(string path, T value, bool indented = true)
    {
        var text = JsonSerializer.Serialize(value, new JsonSerializerOptions
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            WriteIndented = indented,
        });
        File.WriteAllText(path, text + "\n", new UTF8Encoding(false));
    }
}
