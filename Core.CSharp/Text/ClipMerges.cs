using System.IO.Compression;

namespace Recipes.Core.Text;

/// <summary>
/// The vocabulary of OpenAI's CLIP (MIT licence), which all public Stable Diffusion models share. It follows from the
/// list of merges alone: the 256 bytes, the same as ends of words, what each merge joins, begin and end.
/// </summary>
internal static class ClipMerges
{
    private const string WordEnd = "</w>";

    /// <summary>Token to id, and pairs of ids to rank and joined id.</summary>
    public static (Dictionary<string, int> Ids, Dictionary<(int Left, int Right), (int Rank, int Joined)> Merges) Read()
    {
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var merges = new Dictionary<(int Left, int Right), (int Rank, int Joined)>();
        var bytes = Enumerable.Range(0, 256).Select(value => ByteSymbols.Of((byte)value).ToString());
        string[] symbols = [.. bytes.Order(StringComparer.Ordinal)];
        foreach (var symbol in symbols.Concat(symbols.Select(symbol => symbol + WordEnd)))
        {
            ids.Add(symbol, ids.Count);
        }

        using var stream = typeof(ClipMerges).Assembly.GetManifestResourceStream("Recipes.Core.Text.ClipMerges.gz")
            ?? throw new InvalidOperationException("the merges are not in the assembly");
        using var reader = new StreamReader(new GZipStream(stream, CompressionMode.Decompress));
        reader.ReadLine();
        while (reader.ReadLine() is { } line)
        {
            var space = line.IndexOf(' ');
            var (left, right) = (line[..space], line[(space + 1)..]);
            merges.Add((ids[left], ids[right]), (merges.Count, ids.Count));
            ids.Add(left + right, ids.Count);
        }

        ids.Add("<|startoftext|>", ids.Count);
        ids.Add("<|endoftext|>", ids.Count);
        return (ids, merges);
    }
}
