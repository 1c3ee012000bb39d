namespace Recipes.Core.Adapters.Merging;

/// <summary>
/// Captions about ordinary things, alone and in twos: what a merge keeps reading as the base does. Kumari et al. take a
/// thousand captions of a large collection; these are composed, so that nothing has to be fetched.
/// </summary>
public static class OrdinaryCaptions
{
    private static readonly string[] Things =
    [
        "dog", "cat", "bird", "fish", "horse", "tree", "flower", "apple", "car", "boat", "house", "castle", "robot",
        "ball", "cup", "chair", "lamp", "book", "clock", "guitar", "shoe", "hat", "moon", "mountain",
    ];

    private static readonly string[] Forms =
        ["a photo of a {0}", "a {0}", "a photo of a {0} on a blue background", "a {0} on a white background"];

    private static readonly string[] Pairs =
        ["a photo of a {0} and a {1}", "a {0} next to a {1}", "a photo of a {0} next to a {1} on a green background"];

    /// <summary>All of them, always in the same order.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        "",
        .. Things.SelectMany(thing => Forms.Select(form => string.Format(null, form, thing))),
        .. Things.SelectMany((thing, i) => Pairs.Select((form, j) =>
            string.Format(null, form, thing, Things[(i + (5 * j) + 7) % Things.Length]))),
    ];

    /// <summary>Prompts about a subject: alone, and before and behind ordinary things.</summary>
    /// <param name="words">What prompts call it: sks robot.</param>
    /// <param name="learned">Captions that it was learned with.</param>
    public static IReadOnlyList<string> Of(string words, IReadOnlyList<string> learned) =>
    [
        .. learned
            .Append($"a photo of {words}")
            .Append($"a photo of {words} on a blue background")
            .Concat(Things.SelectMany(thing => (string[])
            [
                $"a photo of {words} and a {thing}",
                $"a photo of a {thing} and {words}",
                $"a photo of {words} next to a {thing}",
                $"a photo of a {thing} next to {words}",
            ]))
            .Distinct(),
    ];
}
