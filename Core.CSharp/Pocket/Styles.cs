namespace Recipes.Core.Pocket;

/// <summary>The drawing styles, by the word that captions use.</summary>
public static class Styles
{
    /// <summary>"cartoon" (Noto), "flat" (Fluent flat), "3d" (Fluent 3D); the index is the style's number everywhere.</summary>
    public static IReadOnlyList<string> All { get; } = ["cartoon", "flat", "3d"];
}
