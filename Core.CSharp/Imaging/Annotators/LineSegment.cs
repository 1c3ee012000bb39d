namespace Recipes.Core.Imaging.Annotators;

/// <summary>A straight line of a picture.</summary>
/// <param name="X1">Its one end, in pixels from the left.</param>
/// <param name="Y1">In pixels from the top.</param>
/// <param name="X2">Its other end.</param>
/// <param name="Y2">In pixels from the top.</param>
/// <param name="Score">How sure the network is of it, 0 to 1.</param>
public readonly record struct LineSegment(float X1, float Y1, float X2, float Y2, float Score)
{
    /// <summary>Pixels from end to end.</summary>
    public float Length => MathF.Sqrt(((X2 - X1) * (X2 - X1)) + ((Y2 - Y1) * (Y2 - Y1)));
}
