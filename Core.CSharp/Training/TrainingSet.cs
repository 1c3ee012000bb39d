using Recipes.Core.Data;

namespace Recipes.Core.Training;

/// <summary>One visit of a picture in a pass.</summary>
/// <param name="Picture">Its files.</param>
/// <param name="Framing">How it is cut.</param>
/// <param name="Caption">The number of its caption in <see cref="TrainingSet.Captions"/>.</param>
/// <param name="IsClass">Whether it is a class picture.</param>
internal sealed record Visit(TrainingPicture Picture, Framing Framing, int Caption, bool IsClass);

/// <summary>
/// All pictures of a training and the order of their visits: which pictures a pass holds, how each is cut, and with which
/// caption, from the pass's number alone. No native code is used but to read the pictures' sizes.
/// </summary>
internal sealed class TrainingSet
{
    private const string Frames = $"{RandomStreams.Augmentation}/frames";

    private readonly RandomStreams streams;
    private readonly DiffusionTrainingOptions options;
    private readonly BatchOrder order;
    private readonly DataOrder?[] classOrders;
    private readonly Dictionary<string, int> captions = [];
    private readonly Dictionary<string, Bucket> sizes = [];

    /// <param name="options">The settings, checked.</param>
    /// <param name="streams">All random numbers.</param>
    /// <exception cref="RecipesException">A picture cannot be read or is too small, or fills no batch.</exception>
    public TrainingSet(DiffusionTrainingOptions options, RandomStreams streams)
    {
        this.options = options;
        this.streams = streams;
        var buckets = options.Concepts
            .Select(concept => (IReadOnlyList<Bucket>)[.. concept.Pictures.Select(Fit)])
            .ToList();
        order = new BatchOrder(
            streams, BatchGroup.Of(buckets), options.Batch, options.Buckets.Remainder, options.Mixing);
        classOrders = [.. options.Concepts.Select(ClassOrder)];
        var all = options.Concepts.SelectMany(concept => concept.Pictures.Concat(concept.Prior?.Pictures ?? []));
        foreach (var caption in all.SelectMany(picture => picture.Captions).Append(""))
        {
            captions.TryAdd(caption, captions.Count);
        }
    }

    /// <summary>Each caption once, and the empty one.</summary>
    public IReadOnlyList<string> Captions => [.. captions.Keys];

    /// <summary>Every picture in every framing that can come again; none where crops are random.</summary>
    public IEnumerable<(TrainingPicture Picture, Framing Framing)> Framings()
    {
        if (options.Crop == CropRule.Random)
        {
            yield break;
        }

        foreach (var group in order.Groups)
        {
            var concept = options.Concepts[group.Concept];
            var own = group.Items.Select(item => concept.Pictures[item]).Concat(concept.Prior?.Pictures ?? []);
            foreach (var picture in own)
            {
                foreach (var flipped in Flips(concept.Flip))
                {
                    yield return (picture, Framing.Centre(Measure(picture), group.Bucket, flipped));
                }
            }
        }
    }

    /// <summary>The visits of a pass: pictures of one concept, then as many of its class.</summary>
    /// <param name="number">Counts passes from 0.</param>
    public IReadOnlyList<Visit> At(long number)
    {
        var planned = order.At(number);
        var concept = options.Concepts[planned.Group.Concept];
        IEnumerable<TrainingPicture> pictures = planned.Items.Select(item => concept.Pictures[item]);
        if (classOrders[planned.Group.Concept] is { } classes)
        {
            var taken = classes.Take(planned.Turn * options.Batch, options.Batch);
            pictures = pictures.Concat(taken.Select(item => concept.Prior!.Pictures[(int)item]));
        }

        return
        [
            .. pictures.Select((picture, place) => new Visit(
                picture,
                Frame(picture, planned.Group.Bucket, concept.Flip, number, place),
                Caption(picture, number, place),
                place >= planned.Items.Count)),
        ];
    }

    /// <summary>For each concept how often each picture, and each class picture, is visited in the first passes.</summary>
    public IReadOnlyList<ConceptVisits> Count(long passes)
    {
        var visits = VisitPlan.Of(order, passes);
        var turns = new long[options.Concepts.Count];
        for (var number = 0L; number < passes; number++)
        {
            turns[order.At(number).Group.Concept]++;
        }

        return
        [
            .. options.Concepts.Select((concept, index) => new ConceptVisits(
                concept.Name,
                visits.Counts[index],
                concept.Prior?.Pictures.Count ?? 0,
                classOrders[index]?.Visited(turns[index] * options.Batch) ?? 0)),
        ];
    }

    private static IEnumerable<bool> Flips(double share) => share switch { 0 => [false], 1 => [true], _ => [false, true] };

    private DataOrder? ClassOrder(Concept concept, int index) => concept.Prior is not { } prior
        ? null
        : new DataOrder(
            streams,
            options.Concepts.Count == 1 ? $"{RandomStreams.Order}/class" : $"{RandomStreams.Order}/class/{index}",
            prior.Pictures.Count);

    private Framing Frame(TrainingPicture picture, Bucket target, double flip, long number, int place)
    {
        var flipped = flip > 0 && streams.Uniform(Frames, number, 3 * place) < flip;
        var size = Measure(picture);
        return options.Crop == CropRule.Centre
            ? Framing.Centre(size, target, flipped)
            : Framing.At(
                size,
                target,
                streams.Uniform(Frames, number, (3 * place) + 1),
                streams.Uniform(Frames, number, (3 * place) + 2),
                flipped);
    }

    private int Caption(TrainingPicture picture, long number, int place)
    {
        if (options.CaptionDropout > 0
            && streams.Uniform($"{RandomStreams.Dropout}/captions", number, place) < options.CaptionDropout)
        {
            return captions[""];
        }

        var all = picture.Captions;
        var chosen = all.Count == 1 ? 0 : (int)(streams.Uniform(RandomStreams.Captions, number, place) * all.Count);
        return captions[all[chosen]];
    }

    private Bucket Fit(TrainingPicture picture)
    {
        var size = Measure(picture);
        return Buckets.Of(size.Width, size.Height, options.Buckets, picture.Path);
    }

    private Bucket Measure(TrainingPicture picture)
    {
        if (!sizes.TryGetValue(picture.Path, out var size))
        {
            size = PreparedPicture.Measure(picture);
            sizes.Add(picture.Path, size);
        }

        return size;
    }
}
