namespace Recipes.Core.Pocket;

/// <summary>One kind of thing that scenes show, in every style of <see cref="Styles"/>.</summary>
/// <param name="Hex">Its code points in lower-case hex joined by dashes, without fe0f: the key in every icon set.</param>
/// <param name="Noun">What captions call it: one or two words, lower case, unique.</param>
/// <param name="Article">"a", "an", or "some" for plurals and substances.</param>
/// <param name="Group">The kind it belongs to, a countable noun such as "animal".</param>
/// <param name="HeldOut">True where no training scene ever shows it.</param>
public sealed record Thing(string Hex, string Noun, string Article, string Group, bool HeldOut);
