namespace Recipes.Core.Pocket;

/// <summary>How large a lone thing is, where the scene fixes it.</summary>
public enum SceneSize
{
    /// <summary>Any usual size; captions say nothing.</summary>
    Usual,

    /// <summary>About two fifths of the picture's side.</summary>
    Small,

    /// <summary>About nine tenths of it.</summary>
    Big,
}

/// <summary>Where a lone thing stands, where the scene fixes it.</summary>
public enum ScenePosition
{
    /// <summary>About the centre; captions say nothing.</summary>
    Usual,

    /// <summary>In the left half.</summary>
    Left,

    /// <summary>In the right half.</summary>
    Right,

    /// <summary>At the very centre.</summary>
    Middle,
}

/// <summary>What a scene shows: one thing, or two side by side with the first on the left.</summary>
/// <param name="Style">Index into <see cref="Styles"/>.</param>
/// <param name="First">The only thing, or the left one.</param>
/// <param name="Second">The right one, or none.</param>
/// <param name="Background">What lies behind.</param>
/// <param name="Size">Of a lone thing; of two, always usual.</param>
/// <param name="Position">Of a lone thing; of two, always usual.</param>
public sealed record SceneDescription(
    int Style,
    Thing First,
    Thing? Second,
    Background Background,
    SceneSize Size = SceneSize.Usual,
    ScenePosition Position = ScenePosition.Usual)
{
    /// <summary>Draws what a training scene shows: trained things only, and no pair kept for testing.</summary>
    public static SceneDescription Draw(Random random, IReadOnlyList<Thing> things)
    {
        while (true)
        {
            var second = random.NextDouble() < TwoShare ? Pick(random, things) : null;
            var (size, position) = second is null ? DrawPlace(random) : (SceneSize.Usual, ScenePosition.Usual);
            var background = random.NextDouble() < WhiteShare
                ? Backgrounds.All[0]
                : Backgrounds.All[random.Next(1, Backgrounds.All.Count)];
            var scene = new SceneDescription(
                random.Next(Styles.All.Count), Pick(random, things), second, background, size, position);
            if (scene.First != scene.Second && !scene.IsUnseen)
            {
                return scene;
            }
        }
    }

    private const double TwoShare = .35;
    private const double WhiteShare = .2;

    /// <summary>Whether training leaves this scene out: a held-out thing, or a thing on a background kept from it.</summary>
    public bool IsUnseen =>
        First.HeldOut || Backgrounds.IsUnseen(First, Background)
        || (Second is not null && (Second.HeldOut || Backgrounds.IsUnseen(Second, Background)));

    private static Thing Pick(Random random, IReadOnlyList<Thing> things) => things[random.Next(things.Count)];

    private static (SceneSize Size, ScenePosition Position) DrawPlace(Random random) => random.NextDouble() switch
    {
        < .10 => (SceneSize.Small, ScenePosition.Usual),
        < .20 => (SceneSize.Big, ScenePosition.Usual),
        < .28 => (SceneSize.Usual, ScenePosition.Left),
        < .36 => (SceneSize.Usual, ScenePosition.Right),
        < .42 => (SceneSize.Usual, ScenePosition.Middle),
        < .44 => (SceneSize.Small, ScenePosition.Left),
        < .46 => (SceneSize.Small, ScenePosition.Right),
        < .48 => (SceneSize.Small, ScenePosition.Middle),
        _ => (SceneSize.Usual, ScenePosition.Usual),
    };
}
