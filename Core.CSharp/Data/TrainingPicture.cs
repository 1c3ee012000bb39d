namespace Recipes.Core.Data;

/// <summary>A picture to train on.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Caption">What it shows.</param>
public sealed record TrainingPicture(string Path, string Caption)
{
    /// <summary>Further captions: at each visit one of all is drawn.</summary>
    public IReadOnlyList<string> Alternatives { get; init; } = [];

    /// <summary>A picture of the same size that is white where this one counts; null where all of it does.</summary>
    public string? Mask { get; init; }

    /// <summary>A ControlNet's hint for it, of the same size; null for none.</summary>
    public string? Control { get; init; }

    /// <summary>
    /// The subjects it shows and where, for losses that look at attention maps; the place of each in the list is the
    /// same in all pictures of a training.
    /// </summary>
    public IReadOnlyList<PictureSubject> Subjects { get; init; } = [];

    /// <summary>All captions, the first one first.</summary>
    public IReadOnlyList<string> Captions => [Caption, .. Alternatives];
}
