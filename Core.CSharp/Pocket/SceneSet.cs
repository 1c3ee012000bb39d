using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket;

/// <summary>
/// Scenes as tensors, ready for <see cref="SceneComposer"/>, with their captions. The tensors belong to the set.
/// </summary>
public sealed class SceneSet : IDisposable
{
    private SceneSet(
        IReadOnlyList<SceneDescription> scenes,
        string[] captions,
        Tensor icons,
        Tensor places,
        Tensor backgrounds,
        Tensor? variations = null)
    {
        Scenes = scenes;
        Captions = captions;
        Icons = icons;
        Places = places;
        Backgrounds = backgrounds;
        Variations = variations;
    }

    /// <summary>What each scene shows.</summary>
    public IReadOnlyList<SceneDescription> Scenes { get; }

    /// <summary>One caption a scene.</summary>
    public string[] Captions { get; }

    /// <summary>int64 [n, 2]: indices into the pack's icons, left then right; -1 where there is no second thing.</summary>
    public Tensor Icons { get; }

    /// <summary>
    /// float32 [n, 2, 4]: x and y of the icon's centre (-1 to 1, right and down), its side as a share of the picture's,
    /// and its turn in radians, clockwise.
    /// </summary>
    public Tensor Places { get; }

    /// <summary>float32 [n, 5]: red, green, blue at the centre (0 to 1), and how much x and y add to each.</summary>
    public Tensor Backgrounds { get; }

    /// <summary>How each icon differs from its drawing (<see cref="IconVariation"/>), or null where none does.</summary>
    public Tensor? Variations { get; }

    /// <summary>Training scenes with varied captions: the same count and seed give the same set.</summary>
    public static SceneSet Draw(IconPack pack, int count, int seed)
    {
        var random = new Random(seed);
        var things = Things.All.Where(thing => !thing.HeldOut).ToArray();
        var scenes = new SceneDescription[count];
        var captions = new string[count];
        for (var index = 0; index < count; index++)
        {
            scenes[index] = SceneDescription.Draw(random, things);
            captions[index] = Pocket.Captions.Varied(scenes[index], random);
        }

        return Lay(pack, scenes, captions, random);
    }

    /// <summary>Given scenes under their plain captions, laid out by the seed.</summary>
    public static SceneSet Of(IconPack pack, IReadOnlyList<SceneDescription> scenes, int seed) =>
        Lay(pack, scenes, [.. scenes.Select(Pocket.Captions.Canonical)], new Random(seed));

    /// <summary>
    /// Test scenes of one trained thing on a background that training kept from it, each thing at most once: seen
    /// things in unseen combinations.
    /// </summary>
    public static IReadOnlyList<SceneDescription> Unseen(int count, int seed)
    {
        var random = new Random(seed);
        var pairs = (
            from thing in Things.All
            where !thing.HeldOut
            let kept = Pocket.Backgrounds.All.Where(background => Pocket.Backgrounds.IsUnseen(thing, background)).ToArray()
            where kept.Length > 0
            select (thing, background: kept[random.Next(kept.Length)])).ToArray();
        if (pairs.Length < count)
        {
            throw new RecipesException(
                "unseen scenes", $"{count} are asked for and {pairs.Length} things have a background kept from them",
                $"Ask for at most {pairs.Length}.");
        }

        random.Shuffle(pairs);
        return [.. pairs.Take(count).Select(pair =>
            new SceneDescription(random.Next(Styles.All.Count), pair.thing, null, pair.background))];
    }

    /// <summary>Scenes of one held-out thing each, in every style, on backgrounds drawn by the seed.</summary>
    /// <param name="pack">The icons.</param>
    /// <param name="backgrounds">How many backgrounds each thing and style is shown on.</param>
    /// <param name="seed">Which backgrounds and places.</param>
    public static SceneSet HeldOut(IconPack pack, int backgrounds, int seed)
    {
        var random = new Random(seed);
        return Of(pack, [..
            from thing in Things.All
            where thing.HeldOut
            from style in Enumerable.Range(0, Styles.All.Count)
            from _ in Enumerable.Range(0, backgrounds)
            select new SceneDescription(style, thing, null, Pocket.Backgrounds.All[random.Next(Pocket.Backgrounds.All.Count)])], seed);
    }

    /// <summary>The same scenes, with a share of the icons in other colours and shapes. The tensors are copies.</summary>
    /// <param name="share">0 to 1.</param>
    /// <param name="seed">Which icons, and how.</param>
    public SceneSet Varied(double share, int seed) => new(
        Scenes, Captions, Icons.clone(), Places.clone(), Backgrounds.clone(),
        IconVariation.Draw(Scenes.Count, share, seed));

    /// <summary>The same scenes with copies of the tensors on a device, so that batches are picked there.</summary>
    public SceneSet To(Device device) =>
        new(
            Scenes,
            Captions,
            Icons.to(device, copy: true),
            Places.to(device, copy: true),
            Backgrounds.to(device, copy: true),
            Variations?.to(device, copy: true));

    /// <inheritdoc/>
    public void Dispose()
    {
        Icons.Dispose();
        Places.Dispose();
        Backgrounds.Dispose();
        Variations?.Dispose();
    }

    private static SceneSet Lay(
        IconPack pack, IReadOnlyList<SceneDescription> scenes, string[] captions, Random random)
    {
        var numbers = new Dictionary<(Thing, int), long>();
        for (var index = 0; index < pack.Icons.Count; index++)
        {
            numbers[(pack.Icons[index].Thing, pack.Icons[index].Style)] = index;
        }

        var icons = new long[scenes.Count * 2];
        var places = new float[scenes.Count * 8];
        var backgrounds = new float[scenes.Count * 5];
        for (var index = 0; index < scenes.Count; index++)
        {
            var scene = scenes[index];
            icons[2 * index] = numbers[(scene.First, scene.Style)];
            icons[(2 * index) + 1] = scene.Second is null ? -1 : numbers[(scene.Second, scene.Style)];
            SceneLayout.Place(scene, random, places.AsSpan(8 * index, 8));
            SceneLayout.Paint(scene.Background, random, backgrounds.AsSpan(5 * index, 5));
        }

        return new SceneSet(
            scenes, captions, torch.tensor(icons, [scenes.Count, 2]), torch.tensor(places, [scenes.Count, 2, 4]),
            torch.tensor(backgrounds, [scenes.Count, 5]));
    }
}
