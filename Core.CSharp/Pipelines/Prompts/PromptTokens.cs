using Recipes.Core.Text;

namespace Recipes.Core.Pipelines.Prompts;

/// <summary>A prompt's token ids and their weights, in chunks the text encoder takes.</summary>
internal sealed class PromptTokens
{
    private readonly ClipTokenizer tokenizer;
    private readonly List<int> ids = [];
    private readonly List<float> weights = [];

    /// <summary>Cuts a prompt into tokens.</summary>
    public PromptTokens(ClipTokenizer tokenizer, string prompt, PromptOptions options)
    {
        this.tokenizer = tokenizer;
        var parts = options.Weighted ? PromptWeights.Parse(prompt) : [(prompt, 1)];
        foreach (var (text, weight) in parts)
        {
            var tokens = tokenizer.Tokenize(text);
            ids.AddRange(tokens);
            weights.AddRange(Enumerable.Repeat((float)weight, tokens.Count));
        }

        if (options.LongPrompts == LongPrompts.Truncate && ids.Count > Room)
        {
            ids.RemoveRange(Room, ids.Count - Room);
            weights.RemoveRange(Room, weights.Count - Room);
        }
    }

    /// <summary>How many chunks it fills, at least 1.</summary>
    public int Chunks => Math.Max(1, (ids.Count + Room - 1) / Room);

    /// <summary>Whether a token counts more or less than the others.</summary>
    public bool IsWeighted => weights.Any(weight => weight != 1);

    /// <summary>Tokens in a chunk, without begin and end.</summary>
    private int Room => tokenizer.MaxLength - 2;

    /// <summary>Begin, a chunk's ids, end and padding; chunks after the last are empty.</summary>
    public void WriteIds(int chunk, Span<long> target)
    {
        var (first, count) = Part(chunk);
        target.Fill(tokenizer.PadId);
        target[0] = tokenizer.BosId;
        for (var i = 0; i < count; i++)
        {
            target[i + 1] = ids[first + i];
        }

        target[count + 1] = tokenizer.EosId;
    }

    /// <summary>The weights at the same positions.</summary>
    public void WriteWeights(int chunk, Span<float> target)
    {
        var (first, count) = Part(chunk);
        target.Fill(1);
        for (var i = 0; i < count; i++)
        {
            target[i + 1] = weights[first + i];
        }
    }

    private (int First, int Count) Part(int chunk)
    {
        var first = Math.Min(chunk * Room, ids.Count);
        return (first, Math.Min(Room, ids.Count - first));
    }
}
