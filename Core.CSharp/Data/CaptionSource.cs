namespace Recipes.Core.Data;

/// <summary>Where the captions of pictures come from; one of the kinds below.</summary>
public abstract record CaptionSource
{
    private CaptionSource()
    {
    }

    /// <summary>The file metadata.jsonl in each picture's folder: an object a line, with file_name and text.</summary>
    public sealed record Metadata : CaptionSource;

    /// <summary>A text file beside each picture, of the same name but its extension.</summary>
    public sealed record Beside : CaptionSource
    {
        /// <summary>Extensions with their dots; the first one that is there counts.</summary>
        public IReadOnlyList<string> Extensions { get; init; } = [".txt", ".caption"];
    }

    /// <summary>
    /// Each picture's name: underscores and dashes are spaces, and a number at the end is left out ("red_robot-03.png"
    /// is "red robot").
    /// </summary>
    public sealed record FileName : CaptionSource;

    /// <summary>One text for all; {} in it stands for the words of each picture's name.</summary>
    /// <param name="Text">Such as "a photo of sks dog" or "a photo of sks dog, {}".</param>
    public sealed record Template(string Text) : CaptionSource;
}
