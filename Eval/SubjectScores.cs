using Recipes.Core;
using Recipes.Core.Imaging;

namespace Recipes.Eval;

/// <summary>A subject as pictures are measured against it.</summary>
/// <param name="Name">What to call it: sks robot.</param>
/// <param name="Noun">Its class, for the text tower: robot.</param>
/// <param name="Real">Its own pictures.</param>
public sealed record MeasuredSubject(string Name, string Noun, IReadOnlyList<Image> Real);

/// <summary>
/// How well each of several subjects is met in pictures of one or more of them. A picture that is to show n subjects is
/// cut into n upright strips; each subject gets the strip that makes the sum of likenesses greatest, no two the same.
/// </summary>
public sealed class SubjectScores
{
    private const int Most = 6;

    private SubjectScores(
        IReadOnlyList<MeasuredSubject> subjects,
        IReadOnlyList<Score?> likeness,
        IReadOnlyList<Score?> fidelity,
        IReadOnlyList<Score?> recognised,
        double?[,] confusion)
    {
        Subjects = subjects;
        Likeness = likeness;
        Fidelity = fidelity;
        Recognised = recognised;
        Confusion = confusion;
    }

    /// <summary>The subjects, in the order of everything else here.</summary>
    public IReadOnlyList<MeasuredSubject> Subjects { get; }

    /// <summary>
    /// CLIP-I of each subject: its strips against its own pictures. Null where no picture is to show it.
    /// </summary>
    public IReadOnlyList<Score?> Likeness { get; }

    /// <summary>CLIP-T of each subject: its strips against "a NOUN". Null where no picture is to show it.</summary>
    public IReadOnlyList<Score?> Fidelity { get; }

    /// <summary>
    /// The share of its strips that are more like each subject than like any other. Null where no picture shows it.
    /// </summary>
    public IReadOnlyList<Score?> Recognised { get; }

    /// <summary>
    /// [i, j]: CLIP-I of the strips of subject i against the pictures of subject j. Null where no picture shows i.
    /// </summary>
    public double?[,] Confusion { get; }

    /// <summary>Measures pictures.</summary>
    /// <param name="scorer">The tower.</param>
    /// <param name="subjects">Two or more subjects.</param>
    /// <param name="pictures">Pictures with their prompts and the numbers of the subjects they are to show.</param>
    /// <exception cref="RecipesException">A picture is to show more than six subjects.</exception>
    public static SubjectScores Measure(
        ClipScorer scorer,
        IReadOnlyList<MeasuredSubject> subjects,
        IReadOnlyList<(Image Picture, string Prompt, IReadOnlyList<int> Shown)> pictures)
    {
        var real = subjects.Select(subject => scorer.EmbedImages(subject.Real, $"pictures of {subject.Name}")).ToList();
        var nouns = scorer.EmbedText([.. subjects.Select(subject => $"a {subject.Noun}")], "class nouns");
        var parts = pictures.SelectMany(picture => Strips(picture.Picture, picture.Shown.Count)).ToList();
        var rows = scorer.EmbedImages(parts, "strips of pictures");
        var own = subjects.Select(_ => new List<(int Row, string Prompt)>()).ToList();
        var first = 0;
        foreach (var (_, prompt, shown) in pictures)
        {
            var strips = Enumerable.Range(first, shown.Count).ToList();
            var best = Permutations(strips).MaxBy(
                order => shown.Select((subject, place) => Alike(order[place], subject)).Sum());
            for (var place = 0; place < shown.Count; place++)
            {
                own[shown[place]].Add((best![place], prompt));
            }

            first += shown.Count;
        }

        var confusion = new double?[subjects.Count, subjects.Count];
        for (var i = 0; i < subjects.Count; i++)
        {
            for (var j = 0; j < subjects.Count; j++)
            {
                confusion[i, j] = own[i].Count == 0 ? null : own[i].Average(strip => Alike(strip.Row, j));
            }
        }

        return new SubjectScores(
            subjects,
            Each(i => $"CLIP-I of {subjects[i].Name} ({scorer.Name}, mean pairwise cosine)",
                i => $"Cosine of {scorer.Name}’s image embeddings of the subject’s part of each picture and each of its "
                    + $"{subjects[i].Real.Count} pictures, averaged; higher is more alike.",
                (i, row) => Alike(row, i)),
            Each(i => $"CLIP-T of {subjects[i].Name} ({scorer.Name}, mean cosine)",
                i => $"Raw cosine of the subject’s part of each picture with “a {subjects[i].Noun}” by {scorer.Name}.",
                (i, row) => rows.Cosine(row, nouns, i)),
            Each(i => $"{subjects[i].Name} recognised ({scorer.Name})",
                _ => "Share of the subject’s parts of pictures that are more like it than like any other subject.",
                (i, row) => Enumerable.Range(0, subjects.Count).All(j => j == i || Alike(row, i) > Alike(row, j)) ? 1 : 0),
            confusion);

        double Alike(int row, int subject) => Enumerable.Range(0, real[subject].Count)
            .Average(other => rows.Cosine(row, real[subject], other));

        IReadOnlyList<Score?> Each(Func<int, string> name, Func<int, string> definition, Func<int, int, double> value) =>
        [
            .. own.Select((strips, i) => strips.Count == 0 ? null : new Score(
                name(i),
                definition(i),
                [.. strips.Select(strip => value(i, strip.Row))],
                [.. strips.Select(strip => strip.Prompt)])
            {
                Better = Better.Higher,
            }),
        ];
    }

    /// <summary>A picture in so many upright strips, from left to right.</summary>
    private static IEnumerable<Image> Strips(Image picture, int count)
    {
        if (count > Most)
        {
            throw new RecipesException(
                "Subjects", $"a picture is to show {count} subjects", $"Ask for at most {Most} in one prompt.");
        }

        for (var index = 0; index < count; index++)
        {
            var left = picture.Width * index / count;
            var right = picture.Width * (index + 1) / count;
            yield return Crop.At(picture, left, 0, right - left, picture.Height);
        }
    }

    private static IEnumerable<IReadOnlyList<int>> Permutations(IReadOnlyList<int> items) => items.Count == 0
        ? [[]]
        : items.SelectMany(item =>
            Permutations([.. items.Where(other => other != item)]).Select(rest => (IReadOnlyList<int>)[item, .. rest]));
}
