namespace Recipes.Core.Imaging.Annotators;

/// <summary>A part of a picture.</summary>
/// <param name="Mask">Where it is: what is brighter than half.</param>
/// <param name="Colour">
/// Red, green and blue: any of <see cref="SegmentationPalette"/>, or that of a class a ControlNet was trained on.
/// </param>
public sealed record Segment(Image Mask, (byte Red, byte Green, byte Blue) Colour);
