namespace Recipes.Core.Training;

/// <summary>
/// Captions with a place, {}, for a learned token. Many wordings keep the token from learning any of them.
/// </summary>
public static class CaptionTemplates
{
    /// <summary>What stands for the token.</summary>
    public const string Place = "{}";

    /// <summary>For a thing or a being: 27 captions.</summary>
    public static IReadOnlyList<string> Object { get; } =
    [
        "a photo of a {}",
        "a photo of the {}",
        "a photo of one {}",
        "a photo of my {}",
        "a close-up photo of a {}",
        "a close-up of the {}",
        "a cropped picture of a {}",
        "a cropped picture of the {}",
        "a bright photo of a {}",
        "a bright photo of the {}",
        "a dark photo of the {}",
        "a blurred photo of a {}",
        "a sharp photo of the {}",
        "a detailed photo of a {}",
        "a plain photo of the {}",
        "a snapshot of a {}",
        "a snapshot of my {}",
        "a picture of a {}",
        "a picture of the {}",
        "a picture of a small {}",
        "a picture of a large {}",
        "a picture of a clean {}",
        "a picture of a nice {}",
        "a view of the {}",
        "a rendering of a {}",
        "a rendering of the {}",
        "an image of a {}",
    ];

    /// <summary>For a way of painting: 19 captions.</summary>
    public static IReadOnlyList<string> Style { get; } =
    [
        "a painting in the style of {}",
        "a drawing in the style of {}",
        "a picture in the style of {}",
        "an artwork in the style of {}",
        "an illustration in the style of {}",
        "a rendering in the style of {}",
        "a sketch in the style of {}",
        "a print in the style of {}",
        "a poster in the style of {}",
        "a close-up in the style of {}",
        "a cropped painting in the style of {}",
        "a bright painting in the style of {}",
        "a dark painting in the style of {}",
        "a large painting in the style of {}",
        "a small painting in the style of {}",
        "a rich painting in the style of {}",
        "a plain painting in the style of {}",
        "a nice painting in the style of {}",
        "the whole painting in the style of {}",
    ];
}
