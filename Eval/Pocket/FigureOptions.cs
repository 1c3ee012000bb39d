namespace Recipes.Eval.Pocket;

/// <summary>How the embedded model is measured.</summary>
public sealed record FigureOptions
{
    /// <summary>Unseen captions to draw, one picture each.</summary>
    public int Captions { get; init; } = 100;

    /// <summary>Captions that compete with the right one, differing from it in the thing alone.</summary>
    public int Distractors { get; init; } = 99;

    /// <summary>DDIM steps a picture.</summary>
    public int Steps { get; init; } = 20;

    /// <summary>Strength of the guidance.</summary>
    public double Guidance { get; init; } = 4;

    /// <summary>Decides captions, their rivals, the pictures' seeds and the composed scenes.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>
    /// Backgrounds that each held-out thing is composed on, in every style, for the autoencoder's figure; 0 leaves it
    /// out.
    /// </summary>
    public int HeldOutBackgrounds { get; init; } = 3;

    /// <summary>Timed pictures, of which the median counts.</summary>
    public int TimedPictures { get; init; } = 5;
}
