using System.Globalization;
using Recipes.Core.Networks;
using Recipes.Core.Pipelines;
using Recipes.Core.Pipelines.Prompts;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters.Merging;

/// <summary>
/// Merges subjects that were learned apart by keys and values of the attention to the prompt. All that these maps are
/// given are text states, so that what each training made of them is known without a picture.
/// </summary>
public static class KeyValueMerge
{
    /// <summary>The layers: keys and values of a UNet's attention to the prompt, in its order.</summary>
    public static IReadOnlyList<string> Layers(UNet2DConditionModel unet) =>
        [.. LoraSet.Layers(unet).Keys.Where(IsOne)];

    /// <summary>Whether a layer of that name is a key or value of the attention to the prompt.</summary>
    public static bool IsOne(string layer) =>
        layer.EndsWith(".attn2.to_k", StringComparison.Ordinal) || layer.EndsWith(".attn2.to_v", StringComparison.Ordinal);

    /// <summary>Copies of a UNet's keys and values by layer, in float32.</summary>
    public static IReadOnlyDictionary<string, Tensor> Copy(UNet2DConditionModel unet)
    {
        using var _ = no_grad();
        return LoraSet.Layers(unet)
            .Where(pair => IsOne(pair.Key))
            .ToDictionary(pair => pair.Key, pair => pair.Value.Weight.detach().to(ScalarType.Float32).clone());
    }

    /// <summary>Puts such copies back.</summary>
    public static void Put(UNet2DConditionModel unet, IReadOnlyDictionary<string, Tensor> maps)
    {
        using var _ = no_grad();
        foreach (var (path, layer) in LoraSet.Layers(unet).Where(pair => IsOne(pair.Key)))
        {
            layer.Weight.copy_(maps[path]);
        }
    }

    /// <summary>
    /// Sets the model's keys and values so that each subject's words are answered as its own training taught, and
    /// ordinary captions as nearly as can be as before; see <see cref="LinearMerge.Constrained"/>.
    /// </summary>
    /// <param name="model">The base model, whose weights are changed.</param>
    /// <param name="subjects">One or more.</param>
    /// <param name="captions">Ordinary captions that the base shall keep reading as it does.</param>
    /// <exception cref="RecipesException">
    /// A prompt lacks the words of its subject, or there are more words than a map has inputs.
    /// </exception>
    public static void Constrain(
        StableDiffusionModel model, IReadOnlyList<TunedSubject> subjects, IReadOnlyList<string> captions)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var ordinary = States(model, captions).flatten(0, 1);
        var targets = subjects.Select(subject => Words(model, subject)).ToList();
        var count = targets.Sum(rows => rows.shape[0]);
        if (count > ordinary.shape[1])
        {
            throw new RecipesException(
                "Merge",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"the subjects' words stand in {count} places, and a map of {ordinary.shape[1]} inputs can meet ")
                    + "no more than that many wishes",
                "Name fewer prompts of each subject, or merge by LeastSquares.");
        }

        Each(model.UNet, (path, weight) =>
        {
            var wanted = subjects.Zip(targets).Select(pair => Answers(pair.First, path, weight, pair.Second));
            return LinearMerge.Constrained(weight, ordinary, cat([.. targets], 0), cat([.. wanted], 0));
        });
    }

    /// <summary>
    /// Sets the model's keys and values so that all tokens of each subject's prompts are answered as nearly as can be as
    /// its own training taught, and ordinary captions as before; see <see cref="LinearMerge.LeastSquares"/>.
    /// </summary>
    /// <param name="model">The base model, whose weights are changed.</param>
    /// <param name="subjects">One or more.</param>
    /// <param name="captions">Ordinary captions that the base shall keep reading as it does.</param>
    public static void Fit(
        StableDiffusionModel model, IReadOnlyList<TunedSubject> subjects, IReadOnlyList<string> captions)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var ordinary = States(model, captions).flatten(0, 1);
        var inputs = subjects.Select(subject => States(model, subject.Prompts).flatten(0, 1)).ToList();
        // Each prompt counts alike, those of subjects more, so that captions only settle what no subject says.
        var importance = inputs.Select(rows => 10.0 * ordinary.shape[0] / rows.shape[0]).ToList();
        Each(model.UNet, (path, weight) => LinearMerge.LeastSquares(
            weight,
            ordinary,
            [.. subjects.Select((subject, i) => (Tuned(subject, path, weight), inputs[i], importance[i]))]));
    }

    /// <summary>Sets the model's keys and values to the base's with all changes added up, W₀ + Σ wᵢ (Wᵢ − W₀).</summary>
    /// <param name="model">The base model, whose weights are changed.</param>
    /// <param name="subjects">One or more.</param>
    public static void Add(StableDiffusionModel model, IReadOnlyList<TunedSubject> subjects)
    {
        using var _ = no_grad();
        Each(model.UNet, (path, weight) =>
        {
            var from = weight.to(ScalarType.Float64, CPU);
            return subjects.Aggregate(
                from.clone(), (sum, subject) => sum + Tuned(subject, path, weight).to(ScalarType.Float64, CPU) - from);
        });
    }

    private static void Each(UNet2DConditionModel unet, Func<string, Tensor, Tensor> merged)
    {
        foreach (var (path, layer) in LoraSet.Layers(unet).Where(pair => IsOne(pair.Key)))
        {
            using var scope = NewDisposeScope();
            layer.Weight.copy_(merged(path, layer.Weight));
        }
    }

    /// <summary>The subject's map, as much of its change as is wanted.</summary>
    private static Tensor Tuned(TunedSubject subject, string path, Tensor weight)
    {
        if (!subject.Weights.TryGetValue(path, out var tuned))
        {
            return weight;
        }

        var (from, to) = (weight.to(ScalarType.Float64, CPU), tuned.to(ScalarType.Float64, CPU));
        return from + (to - from) * subject.Weight;
    }

    private static Tensor Answers(TunedSubject subject, string path, Tensor weight, Tensor rows) =>
        rows.to(ScalarType.Float64, CPU).matmul(Tuned(subject, path, weight).to(ScalarType.Float64, CPU).t());

    private static Tensor States(StableDiffusionModel model, IReadOnlyList<string> prompts)
    {
        using var scope = NewDisposeScope();
        return cat(
            [.. prompts.Chunk(32).Select(chunk => PromptEncoder.Encode(model, chunk, PromptOptions.Plain).States)],
            0).to(ScalarType.Float64, CPU).MoveToOuterDisposeScope();
    }

    /// <summary>The states of the subject's words in its prompts, [places, width].</summary>
    private static Tensor Words(StableDiffusionModel model, TunedSubject subject)
    {
        var wanted = model.Tokenizer.Tokenize(subject.Words);
        using var scope = NewDisposeScope();
        var states = States(model, subject.Prompts);
        var rows = new List<Tensor>();
        for (var number = 0; number < subject.Prompts.Count; number++)
        {
            // Begin stands before the first token.
            var start = Place(model.Tokenizer.Tokenize(subject.Prompts[number]), wanted) + 1;
            if (start < 1 || start + wanted.Count > states.shape[1])
            {
                throw new RecipesException(
                    "Merge",
                    $"\"{subject.Prompts[number]}\" does not hold \"{subject.Words}\"",
                    "Name the subject as it was learned, by token and noun.");
            }

            rows.Add(states[number].narrow(0, start, wanted.Count));
        }

        return cat([.. rows], 0).MoveToOuterDisposeScope();
    }

    /// <summary>Where a text's ids hold others; -1 for nowhere.</summary>
    private static int Place(IReadOnlyList<int> ids, IReadOnlyList<int> wanted)
    {
        for (var start = 0; start + wanted.Count <= ids.Count; start++)
        {
            if (wanted.SequenceEqual(ids.Skip(start).Take(wanted.Count)))
            {
                return start;
            }
        }

        return -1;
    }
}
