using System.Text;

namespace Recipes.Core.Pocket;

/// <summary>What a scene is called: one plain wording for evaluation, many for training.</summary>
public static class Captions
{
    private static readonly string[] Openings =
        ["a photo of ", "a picture of ", "a drawing of ", "an icon of ", "an image of ", "an illustration of "];

    // Groups whose name is said of one of its things ("a vehicle").
    private static readonly HashSet<string> Kinds =
    [
        "animal", "insect", "plant", "fruit", "vegetable", "meal", "dessert", "drink", "building", "vehicle", "toy",
        "garment", "instrument", "tool", "device", "character", "face",
    ];

    /// <summary>
    /// The full plain caption: "a small cartoon dog on the left on a blue background",
    /// "a cartoon dog next to a cat on a blue background".
    /// </summary>
    public static string Canonical(SceneDescription scene)
    {
        var style = Styles.All[scene.Style];
        var objects = scene.Second is null
            ? $"{Named(scene.First, Size(scene), style)}{Position(scene)}"
            : $"{Named(scene.First, style)} next to {Named(scene.Second)}";
        return $"{objects} on {With(scene.Background.Name)} background";
    }

    /// <summary>
    /// The plain captions of <paramref name="count"/> scenes that differ from this one only in the first thing: other
    /// trained things, all different, drawn by the seed.
    /// </summary>
    public static IReadOnlyList<string> Distractors(SceneDescription scene, int count, int seed)
    {
        var others = Things.All
            .Where(thing => !thing.HeldOut && thing != scene.First && thing != scene.Second).ToArray();
        new Random(seed).Shuffle(others);
        return [.. others.Take(count).Select(thing => Canonical(scene with { First = thing }))];
    }

    /// <summary>
    /// A caption as people might write it: with or without an opening ("a photo of"), the style before the noun, behind
    /// it or unsaid, the background said in one of several ways or unsaid, at times only the kind ("an animal").
    /// </summary>
    public static string Varied(SceneDescription scene, Random random)
    {
        var style = Styles.All[scene.Style];
        var manner = random.NextDouble();
        var before = manner < .66 ? style : "";
        var text = new StringBuilder();
        if (random.NextDouble() < .6)
        {
            text.Append(Openings[random.Next(Openings.Length)]);
        }

        text.Append(scene.Second is null ? One(scene, before, random) : Two(scene, scene.Second, before, random));
        if (manner is >= .66 and < .82)
        {
            text.Append(random.Next(2) == 0 ? $" in {style} style" : $", {style} style");
        }

        var unsaid = scene.Background.Name == "white" ? .5 : .12;
        if (random.NextDouble() >= unsaid)
        {
            var background = $"{With(scene.Background.Name)} background";
            text.Append(random.NextDouble() switch
            {
                < .75 => $" on {background}",
                < .9 => $" with {background}",
                _ => $", {scene.Background.Name} background",
            });
        }

        return text.ToString();
    }

    private static string One(SceneDescription scene, string style, Random random)
    {
        var thing = Kinds.Contains(scene.First.Group) && random.NextDouble() < .03
            ? scene.First with { Noun = scene.First.Group, Article = Article(scene.First.Group) }
            : scene.First;
        return Named(thing, Size(scene), style) + Position(scene);
    }

    private static string Two(SceneDescription scene, Thing second, string style, Random random)
    {
        var (left, right) = (Named(scene.First, style), Named(second, style));
        return random.Next(6) switch
        {
            0 => $"{left} on the left and {Named(second)} on the right",
            1 => $"{left} on the left and {right} on the right",
            2 => $"{left} to the left of {Named(second)}",
            3 => $"{right} to the right of {Named(scene.First)}",
            4 => $"{left} and {right}",
            _ => $"{left} next to {Named(second)}",
        };
    }

    private static string Named(Thing thing, params ReadOnlySpan<string> adjectives)
    {
        var text = new StringBuilder();
        foreach (var adjective in adjectives)
        {
            if (adjective.Length > 0)
            {
                text.Append(text.Length == 0 ? Start(thing, adjective) : " ").Append(adjective);
            }
        }

        return text.Append(text.Length == 0 ? $"{thing.Article} " : " ").Append(thing.Noun).ToString();
    }

    private static string Start(Thing thing, string adjective) =>
        thing.Article == "some" ? "some " : $"{Article(adjective)} ";

    private static string Size(SceneDescription scene) => scene.Size switch
    {
        SceneSize.Small => "small",
        SceneSize.Big => "big",
        _ => "",
    };

    private static string Position(SceneDescription scene) => scene.Position switch
    {
        ScenePosition.Left => " on the left",
        ScenePosition.Right => " on the right",
        ScenePosition.Middle => " in the middle",
        _ => "",
    };

    private static string With(string word) => $"{Article(word)} {word}";

    private static string Article(string word) => "aeiou".Contains(word[0]) ? "an" : "a";
}
