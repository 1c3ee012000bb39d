using Recipes.Core.Text;
using static TorchSharp.torch;

namespace Recipes.Core.Training.Subjects;

/// <summary>Which positions of each caption's tokens name each subject.</summary>
internal sealed class SubjectTokens
{
    private readonly float[][] tables;
    private readonly int length;

    /// <param name="tokenizer">The one whose states the UNet sees.</param>
    /// <param name="captions">Each caption once.</param>
    /// <param name="phrases">The words that name each subject.</param>
    public SubjectTokens(ClipTokenizer tokenizer, IReadOnlyList<string> captions, IReadOnlyList<string> phrases)
    {
        Count = phrases.Count;
        length = tokenizer.MaxLength;
        var names = phrases.Select(phrase => tokenizer.Tokenize(phrase)).ToList();
        tables = [.. captions.Select(caption => Table([.. tokenizer.Encode(caption)], names))];
    }

    /// <summary>How many subjects there are.</summary>
    public int Count { get; }

    /// <summary>[batch, subjects, tokens], float32: 1/n at each of a name's n tokens.</summary>
    public Tensor Of(IReadOnlyList<Visit> visits, Device device) => tensor(
        [.. visits.SelectMany(visit => visit.IsClass ? new float[Count * length] : tables[visit.Caption])],
        [visits.Count, Count, length],
        device: device);

    private float[] Table(int[] caption, IReadOnlyList<IReadOnlyList<int>> names)
    {
        var table = new float[Count * length];
        for (var subject = 0; subject < names.Count; subject++)
        {
            var name = names[subject];
            for (var start = 0; name.Count > 0 && start + name.Count <= caption.Length; start++)
            {
                if (caption.AsSpan(start, name.Count).SequenceEqual([.. name]))
                {
                    for (var place = start; place < start + name.Count; place++)
                    {
                        table[(subject * length) + place] = 1f / name.Count;
                    }

                    break;
                }
            }
        }

        return table;
    }
}
