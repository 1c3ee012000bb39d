using Recipes.Core.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket;

/// <summary>Tokenises captions in bulk: their words repeat, so each is split once.</summary>
public static class CaptionTokens
{
    /// <summary>
    /// int32 [captions, length] on the CPU: the same ids as <see cref="ClipTokenizer.Encode"/>. CLIP splits at spaces
    /// before anything else, so tokenising word by word changes nothing.
    /// </summary>
    public static Tensor Encode(ClipTokenizer tokenizer, IReadOnlyList<string> captions)
    {
        var length = tokenizer.MaxLength;
        var ids = new int[captions.Count * length];
        Array.Fill(ids, tokenizer.PadId);
        var words = new Dictionary<string, IReadOnlyList<int>>();
        for (var row = 0; row < captions.Count; row++)
        {
            var line = ids.AsSpan(row * length, length);
            var count = 0;
            line[count++] = tokenizer.BosId;
            foreach (var word in captions[row].Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                if (!words.TryGetValue(word, out var pieces))
                {
                    pieces = tokenizer.Tokenize(word);
                    words[word] = pieces;
                }

                foreach (var piece in pieces)
                {
                    if (count < length - 1)
                    {
                        line[count++] = piece;
                    }
                }
            }

            line[count] = tokenizer.EosId;
        }

        return torch.tensor(ids, [captions.Count, length]);
    }
}
