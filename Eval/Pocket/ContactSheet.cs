using Recipes.Core.Imaging;
using Recipes.Core.Pipelines;
using Recipes.Core.Pocket;
using Recipes.Eval.Grids;

namespace Recipes.Eval.Pocket;

/// <summary>The 36 named prompts that a person is shown: known things in every style, on many backgrounds.</summary>
public static class ContactSheet
{
    private const int Columns = 6;

    private static readonly (string Style, string First, string? Second, string Background)[] Chosen =
    [
        ("cartoon", "dog", null, "blue"), ("3d", "owl", null, "white"), ("flat", "penguin", null, "teal"),
        ("cartoon", "lion", null, "green"), ("3d", "turtle", null, "yellow"), ("cartoon", "butterfly", null, "pink"),
        ("3d", "whale", null, "white"), ("flat", "octopus", null, "blue"), ("cartoon", "elephant", null, "white"),
        ("3d", "panda", null, "green"), ("flat", "sunflower", null, "purple"), ("cartoon", "cactus", null, "orange"),
        ("3d", "mushroom", null, "teal"), ("cartoon", "strawberry", null, "white"),
        ("flat", "watermelon", null, "gray"),
        ("3d", "hamburger", null, "red"), ("cartoon", "pizza", null, "purple"), ("flat", "ice cream", null, "pink"),
        ("3d", "donut", null, "blue"), ("cartoon", "castle", null, "yellow"), ("flat", "house", null, "white"),
        ("3d", "bus", null, "green"), ("cartoon", "airplane", null, "blue"), ("3d", "rocket", null, "black"),
        ("flat", "sailboat", null, "orange"), ("cartoon", "rainbow", null, "gray"), ("3d", "umbrella", null, "brown"),
        ("cartoon", "guitar", null, "teal"), ("flat", "crown", null, "red"), ("3d", "robot", null, "white"),
        ("cartoon", "dog", "cat", "green"), ("3d", "snowman", "christmas tree", "blue"),
        ("flat", "red apple", "banana", "white"), ("cartoon", "pumpkin", "ghost", "black"),
        ("3d", "gift", "balloon", "pink"), ("flat", "car", "tree", "yellow"),
    ];

    /// <summary>What the pictures show, in reading order.</summary>
    public static IReadOnlyList<SceneDescription> Scenes { get; } =
    [
        .. Chosen.Select(chosen => new SceneDescription(
            Styles.All.Index().First(style => style.Item == chosen.Style).Index,
            Named(chosen.First),
            chosen.Second is null ? null : Named(chosen.Second),
            Backgrounds.All.First(background => background.Name == chosen.Background))),
    ];

    /// <summary>Their captions: the prompts.</summary>
    public static IReadOnlyList<string> Prompts { get; } = [.. Scenes.Select(Captions.Canonical)];

    /// <summary>
    /// Draws the sheet: six pictures abreast, each over its prompt. The n-th picture has the seed n, from 1.
    /// </summary>
    /// <param name="model">The embedded model, or one that draws the same things.</param>
    /// <param name="steps">DDIM steps a picture.</param>
    /// <param name="guidance">Strength of the guidance.</param>
    /// <param name="progress">Told how many of <see cref="TotalSteps"/> are done.</param>
    /// <param name="cancellation">Looked at before each step.</param>
    public static Image Draw(
        StableDiffusionModel model,
        int steps,
        double guidance,
        IProgress<int>? progress = null,
        CancellationToken cancellation = default)
    {
        var pictures = TextToImage.Run(model, Request(steps, guidance), progress, cancellation);
        return Grid.Contact([.. pictures.Zip(Prompts, (picture, prompt) => new Captioned(picture, prompt))], Columns);
    }

    /// <summary>Network evaluations of <see cref="Draw"/> for a number of steps.</summary>
    public static int TotalSteps(int steps) => Request(steps, 1).TotalSteps;

    private static TextToImageRequest Request(int steps, double guidance) => new()
    {
        Prompts = Prompts,
        Seeds = [.. Enumerable.Range(1, Prompts.Count).Select(number => (ulong)number)],
        Steps = steps,
        Guidance = guidance,
    };

    private static Thing Named(string noun) => Things.All.First(thing => thing.Noun == noun && !thing.HeldOut);
}
