namespace Recipes.Core.Training;

/// <summary>The different prompts of a training, and which picture has which.</summary>
internal sealed class TrainingPrompts
{
    private readonly long[] ofInstance;
    private readonly long ofClass;

    public TrainingPrompts(DreamBoothOptions options)
    {
        var texts = new List<string>();
        ofInstance =
        [
            .. Enumerable.Range(0, options.Images.Count)
                .Select(index => Number(options.Captions?[index] ?? options.Prompt)),
        ];
        ofClass = options.Prior is { } prior ? Number(prior.Prompt) : -1;
        Texts = texts;

        long Number(string text)
        {
            var known = texts.IndexOf(text);
            if (known < 0)
            {
                known = texts.Count;
                texts.Add(text);
            }

            return known;
        }
    }

    /// <summary>Each prompt once.</summary>
    public IReadOnlyList<string> Texts { get; }

    /// <summary>The prompts' numbers for a batch: of these pictures, then of as many class pictures.</summary>
    public long[] Rows(long[] pictures)
    {
        var rows = pictures.Select(picture => ofInstance[picture]);
        return ofClass < 0 ? [.. rows] : [.. rows, .. Enumerable.Repeat(ofClass, pictures.Length)];
    }
}
