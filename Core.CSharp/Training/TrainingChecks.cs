using Recipes.Core.Data;

namespace Recipes.Core.Training;

/// <summary>The checks of <see cref="DiffusionTrainingOptions"/> that look at several settings.</summary>
internal static class TrainingChecks
{
    /// <summary>Refuses concepts without pictures or captions, and those whose class pictures contradict.</summary>
    public static void Concepts(DiffusionTrainingOptions options)
    {
        var concepts = options.Concepts;
        Require(concepts.Count > 0, "Concepts", "there are none", "Name at least one, with its pictures.");
        foreach (var concept in concepts)
        {
            Pictures($"Concept {concept.Name}", concept.Pictures, options);
            Require(
                concept.Flip is >= 0 and <= 1,
                $"Concept {concept.Name}",
                $"{concept.Flip} is no probability of mirroring",
                "Set a number from 0 to 1.");
            if (concept.Prior is { } prior)
            {
                Pictures($"Concept {concept.Name}, class pictures", prior.Pictures, options);
                Classes(concept, prior);
            }
        }

        var weights = concepts.Select(concept => concept.Prior?.Weight).Distinct().ToList();
        Require(
            weights.Count == 1,
            "Concepts",
            $"their class pictures weigh {string.Join(" and ", weights.Select(w => w is null ? "nothing" : $"{w}"))}",
            "Give all of them class pictures of one weight, or none.");
        Require(
            options.Step.Loss.PriorWeight is null || options.Step.Loss.PriorWeight == weights[0],
            "Step.Loss.PriorWeight",
            "the concepts say how much their class pictures weigh",
            "Leave it out here.");
        HeldOut(options);
        Tokens(options);
        Masks(options);
    }

    /// <summary>Refuses caches of what changes.</summary>
    public static void Caches(DiffusionTrainingOptions options)
    {
        Require(
            options.Caches.Latents is null || options.Crop == CropRule.Centre,
            "Caches.Latents",
            "random crops give other latents at each visit, and kept ones exclude them",
            "Crop at the centre, or leave out the cache.");
        Require(
            options.Caches.Texts is null || !options.Parts.ChangesText,
            "Caches.Texts",
            "the text encoder or a token is trained, so that captions give other states at each step",
            "Leave out the cache, or leave the text encoder as it is.");
    }

    private static void Pictures(
        string where, IReadOnlyList<TrainingPicture> pictures, DiffusionTrainingOptions options)
    {
        Require(pictures.Count > 0, where, "it has no pictures", "Name a folder that holds some.");
        if (pictures.FirstOrDefault(picture => picture.Captions.Any(string.IsNullOrWhiteSpace)) is { } silent)
        {
            throw new RecipesException(
                where,
                $"{Path.GetFileName(silent.Path)} has an empty caption",
                "Write one; to train without captions now and then, set CaptionDropout.");
        }

        if (options.Parts.ControlNet is not null && pictures.FirstOrDefault(p => p.Control is null) is { } bare)
        {
            throw new RecipesException(
                where,
                $"{Path.GetFileName(bare.Path)} has no control picture",
                "Give each training picture its control picture.");
        }
    }

    private static void Classes(Concept concept, ConceptPrior prior)
    {
        Require(
            prior.Weight > 0 && double.IsFinite(prior.Weight),
            $"Concept {concept.Name}, class pictures",
            $"their weight is {prior.Weight}",
            "Set a weight above 0, or leave the class pictures out.");
        var own = concept.Pictures.SelectMany(picture => picture.Captions).ToHashSet();
        if (prior.Pictures.FirstOrDefault(picture => picture.Captions.Any(own.Contains)) is { } same)
        {
            throw new RecipesException(
                $"Concept {concept.Name}, class pictures",
                $"{Path.GetFileName(same.Path)} has a caption of the concept's own: \"{same.Caption}\"",
                "Leave the concept's token out of it.");
        }
    }

    private static void HeldOut(DiffusionTrainingOptions options)
    {
        if (options.Validation is { } validation)
        {
            Pictures("Validation.Pictures", validation.Pictures, options);
            var trained = options.Concepts.SelectMany(concept => concept.Pictures)
                .Select(picture => Path.GetFullPath(picture.Path)).ToHashSet();
            var both = validation.Pictures.FirstOrDefault(p => trained.Contains(Path.GetFullPath(p.Path)));
            Require(
                both is null,
                "Validation.Pictures",
                $"{Path.GetFileName(both?.Path)} is trained on",
                "Take it out of one of the two.");
        }
    }

    private static void Tokens(DiffusionTrainingOptions options)
    {
        var captions = options.Concepts.SelectMany(c => c.Pictures).SelectMany(p => p.Captions).ToList();
        foreach (var token in options.Parts.Tokens)
        {
            Require(
                captions.Any(caption => caption.Contains(token.Token, StringComparison.Ordinal)),
                $"NewToken {token.Token}",
                "no caption uses the token, which would learn nothing",
                "Write it into the captions of its concept.");
        }
    }

    private static void Masks(DiffusionTrainingOptions options)
    {
        var pictures = options.Concepts.SelectMany(concept => concept.Pictures).ToList();
        Require(
            options.MaskedLoss is null || pictures.Any(picture => picture.Mask is not null),
            "MaskedLoss",
            "no picture has a mask",
            "Give pictures masks, or leave the masked loss out.");
        var counts = pictures.Select(picture => picture.Subjects.Count).Distinct().ToList();
        Require(
            options.Step.Auxiliary.Count == 0 || (counts.Count == 1 && counts[0] > 0),
            "Step.Auxiliary",
            $"losses on attention maps need the places of as many subjects in each picture, not {string.Join(" and ", counts)}",
            "Give every picture its subjects with their masks, or leave the losses out.");
        var phrases = pictures.Where(picture => picture.Subjects.Count > 0)
            .Select(picture => string.Join(", ", picture.Subjects.Select(subject => subject.Phrase))).Distinct().ToList();
        Require(
            phrases.Count <= 1,
            "Pictures",
            $"their subjects are listed differently: {string.Join("; ", phrases.Take(3))}",
            "List all subjects of the training in one order, in each picture.");
    }

    private static void Require(bool right, string where, string fault, string cure)
    {
        if (!right)
        {
            throw new RecipesException(where, fault, cure);
        }
    }
}
