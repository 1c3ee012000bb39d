namespace Recipes.Core.Imaging.Annotators;

/// <summary>A part of a scene at one distance.</summary>
/// <param name="Mask">Where it is: white is there, black is not, grey is half there.</param>
/// <param name="Distance">How far it is, above 0, in any unit that the scene's other layers use too.</param>
public sealed record DepthLayer(Image Mask, double Distance);
