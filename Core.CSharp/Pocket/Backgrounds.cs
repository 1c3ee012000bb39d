namespace Recipes.Core.Pocket;

/// <summary>A background by the word that captions use, with its colour, each channel in 0 to 1.</summary>
public sealed record Background(string Name, float Red, float Green, float Blue);

/// <summary>The backgrounds scenes are drawn on, and which of them a thing is never trained on.</summary>
public static class Backgrounds
{
    private const uint UnseenOneIn = 20;

    /// <summary>White first, then eleven colours.</summary>
    public static IReadOnlyList<Background> All { get; } =
    [
        new("white", 1, 1, 1),
        new("red", .87f, .22f, .22f),
        new("orange", .96f, .58f, .20f),
        new("yellow", .98f, .87f, .36f),
        new("green", .36f, .72f, .38f),
        new("teal", .20f, .66f, .66f),
        new("blue", .28f, .50f, .88f),
        new("purple", .58f, .38f, .78f),
        new("pink", .97f, .66f, .78f),
        new("brown", .55f, .39f, .27f),
        new("gray", .62f, .63f, .65f),
        new("black", .10f, .10f, .12f),
    ];

    /// <summary>
    /// Whether this thing is kept off this background in training, so that the pair can test what the model makes of a
    /// combination it never saw. One coloured background in twenty, by a hash of both names; white never.
    /// </summary>
    public static bool IsUnseen(Thing thing, Background background)
    {
        if (background.Name == "white")
        {
            return false;
        }

        // FNV-1a over the two names, then one round of mixing: its low bits alone are too regular.
        var hash = 2166136261u;
        foreach (var letter in $"{thing.Hex} {background.Name}")
        {
            hash = (hash ^ letter) * 16777619u;
        }

        hash ^= hash >> 15;
        hash *= 0x2c1b3c6du;
        hash ^= hash >> 12;
        return hash % UnseenOneIn == 0;
    }
}
