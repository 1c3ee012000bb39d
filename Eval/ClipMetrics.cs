using System.Globalization;
using Recipes.Core;

namespace Recipes.Eval;

/// <summary>
/// The scores of the DreamBooth protocol (arXiv 2208.12242, section 4.1) on given embeddings. Each name carries the
/// tower,
/// because scores of different towers cannot be compared.
/// </summary>
public static class ClipMetrics
{
    /// <summary>
    /// Subject fidelity: the mean cosine over all pairs of a generated and a real picture. Higher is more alike.
    /// </summary>
    /// <param name="tower">The tower's name.</param>
    /// <param name="generated">One row a generated picture: the items of the score.</param>
    /// <param name="real">One row a real picture of the subject.</param>
    /// <param name="prompts">The prompt of each generated picture, which groups the bootstrap; null for no
    /// groups.</param>
    public static Score ImageSimilarity(
        string tower, Embeddings generated, Embeddings real, IReadOnlyList<string>? prompts = null)
    {
        var name = $"CLIP-I ({tower}, mean pairwise cosine)";
        Need(name, real, 1);
        var values = Enumerable.Range(0, generated.Count)
            .Select(row => Enumerable.Range(0, real.Count).Average(other => generated.Cosine(row, real, other)))
            .ToList();
        return new Score(
            name,
            $"Cosine of {tower}’s image embeddings, averaged over every pair of a generated picture and one of the "
                + $"{Say(real.Count, "real picture")}; higher is more alike.",
            values,
            prompts)
        {
            Better = Better.Higher,
        };
    }

    /// <summary>
    /// The real pictures against one another, each against all the rest: the height that CLIP-I cannot be asked to
    /// pass.
    /// Leaving each picture itself out is this project's choice; the paper does not say.
    /// </summary>
    /// <exception cref="RecipesException">Fewer than two pictures.</exception>
    public static Score ImageCeiling(string tower, Embeddings real)
    {
        var name = $"CLIP-I of the real pictures ({tower}, leave-one-out)";
        Need(name, real, 2);
        var values = Enumerable.Range(0, real.Count)
            .Select(row => Enumerable.Range(0, real.Count)
                .Where(other => other != row).Average(other => real.Cosine(row, real, other)))
            .ToList();
        return new Score(
            name,
            $"The same among the {Say(real.Count, "real picture")}, each paired with all the others, never with "
                + "itself: the upper bound.",
            values);
    }

    /// <summary>
    /// Prompt fidelity: the mean raw cosine of each picture with its own text, without a factor or a clamp.
    /// </summary>
    /// <param name="tower">The tower's name.</param>
    /// <param name="pictures">One row a picture.</param>
    /// <param name="texts">One row a picture's text.</param>
    /// <param name="wording">How the texts were made from the prompts, a clause for the definition.</param>
    /// <param name="prompts">The prompt of each picture, which groups the bootstrap; null for no groups.</param>
    public static Score TextSimilarity(
        string tower, Embeddings pictures, Embeddings texts, string wording, IReadOnlyList<string>? prompts = null)
    {
        var name = $"CLIP-T ({tower}, mean cosine)";
        return new Score(
            name,
            $"Raw cosine of each picture’s embedding with its text’s by {tower}, averaged; {wording}; "
                + "higher fits better.",
            Paired(name, pictures, texts),
            prompts)
        {
            Better = Better.Higher,
        };
    }

    /// <summary>
    /// The real pictures with their own captions: what CLIP-T can be asked to reach in a style. A style that the tower
    /// cannot read scores low however well it is drawn.
    /// </summary>
    /// <param name="tower">The tower's name.</param>
    /// <param name="real">One row a real picture.</param>
    /// <param name="captions">One row a picture's caption.</param>
    public static Score TextCeiling(string tower, Embeddings real, Embeddings captions)
    {
        var name = $"CLIP-T of the real pictures ({tower}, own captions)";
        return new Score(
            name,
            $"The same for the {Say(real.Count, "real picture")} with the captions they were learned with: where it is "
                + "low, the tower cannot read the style, and CLIP-T says little of drawn pictures.",
            Paired(name, real, captions));
    }

    private static List<double> Paired(string name, Embeddings pictures, Embeddings texts)
    {
        if (pictures.Count != texts.Count)
        {
            throw new RecipesException(
                name, $"{pictures.Count} pictures for {texts.Count} texts", "Give every picture its own text.");
        }

        return [.. Enumerable.Range(0, pictures.Count).Select(row => pictures.Cosine(row, texts, row))];
    }

    /// <summary>
    /// How often a picture's own caption is the nearest of its candidates, or among the five nearest.
    /// </summary>
    /// <param name="tower">The tower's name.</param>
    /// <param name="pictures">One row a picture.</param>
    /// <param name="texts">One row a distinct caption.</param>
    /// <param name="candidates">For each picture, the rows of its candidate captions.</param>
    /// <param name="answers">For each picture, where among its candidates the right caption stands.</param>
    public static Retrieval Retrieve(
        string tower,
        Embeddings pictures,
        Embeddings texts,
        IReadOnlyList<IReadOnlyList<int>> candidates,
        IReadOnlyList<int> answers)
    {
        if (candidates.Count != pictures.Count || answers.Count != pictures.Count)
        {
            throw new RecipesException(
                $"retrieval ({tower})",
                $"{pictures.Count} pictures, {candidates.Count} candidate lists, {answers.Count} answers",
                "Give every picture one list and one answer.");
        }

        var ranks = new int[pictures.Count];
        for (var row = 0; row < ranks.Length; row++)
        {
            var list = candidates[row];
            var right = answers[row];
            if (right < 0 || right >= list.Count || list.Where((text, at) => text == list[right] && at != right).Any())
            {
                throw new RecipesException(
                    $"retrieval ({tower}), picture {row + 1}",
                    $"the right caption {right} of {list.Count} is missing or stands there twice",
                    "Give candidates that hold the right caption exactly once.");
            }

            var own = pictures.Cosine(row, texts, list[right]);
            // A tie counts against the picture, so that a tower that cannot tell captions apart earns nothing.
            ranks[row] = 1 + list.Where((_, at) => at != right).Count(text => pictures.Cosine(row, texts, text) >= own);
        }

        var fewest = candidates.Count == 0 ? 0 : candidates.Min(list => list.Count);
        return new Retrieval(Rate(tower, ranks, fewest, 1), Rate(tower, ranks, fewest, 5), ranks);
    }

    private static Score Rate(string tower, int[] ranks, int candidates, int top) => new(
        $"Retrieval, top {top} ({tower})",
        $"Share of pictures whose own caption is among the {Say(top, "nearest caption")} of at least {candidates} "
            + $"by {tower}’s cosine; ties count against it.",
        ranks.Select(rank => rank <= top ? 1.0 : 0).ToList())
    {
        Better = Better.Higher,
    };

    private static void Need(string name, Embeddings rows, int least)
    {
        if (rows.Count < least)
        {
            throw new RecipesException(
                name, $"{Say(rows.Count, "picture")} among the {rows.What}", $"Give at least {Say(least, "picture")}.");
        }
    }

    private static string Say(int count, string thing) =>
        count == 1 ? $"1 {thing}" : $"{count.ToString(CultureInfo.InvariantCulture)} {thing}s";
}

/// <summary>How well captions are found again from their pictures.</summary>
/// <param name="Top1">Share of pictures whose own caption is the nearest.</param>
/// <param name="Top5">Share of pictures whose own caption is among the five nearest.</param>
/// <param name="Ranks">For each picture, the rank of its own caption, from 1.</param>
public sealed record Retrieval(Score Top1, Score Top5, IReadOnlyList<int> Ranks);
