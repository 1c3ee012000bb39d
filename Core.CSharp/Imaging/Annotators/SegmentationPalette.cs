namespace Recipes.Core.Imaging.Annotators;

/// <summary>
/// The colours of segments, from the largest to the smallest: far apart in hue and brightness, black for none of them.
/// They name no classes; ControlNets trained on ADE20K's classes read their own colours into them.
/// </summary>
public static class SegmentationPalette
{
    /// <summary>Red, green and blue of each segment.</summary>
    public static IReadOnlyList<(byte Red, byte Green, byte Blue)> Colours { get; } =
    [
        (60, 90, 200), (230, 160, 30), (40, 160, 80), (210, 50, 60), (150, 80, 190), (60, 200, 220), (240, 230, 90),
        (240, 130, 180), (130, 90, 50), (170, 220, 140), (120, 130, 140), (10, 70, 60), (250, 200, 170), (90, 10, 50),
        (180, 190, 250), (110, 130, 20),
    ];
}
