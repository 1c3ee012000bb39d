using Recipes.Core.Pipelines;
using Recipes.Core.Text;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>
/// The learned tokens of a model. Their vectors stand behind the embedding tables, which stay as they are, and their
/// names in the tokenizers, where a name stands for all its vectors: in every prompt, negative ones too.
/// </summary>
public sealed class LearnedTokens
{
    private readonly StableDiffusionModel model;
    private readonly IReadOnlyList<ClipTokenizer> bases;
    private List<TextualInversion> inversions = [];

    internal LearnedTokens(StableDiffusionModel model)
    {
        this.model = model;
        bases = model.Tokenizers;
    }

    /// <summary>The tokens there are, as prompts write them.</summary>
    public IReadOnlyList<string> Names => [.. inversions.Select(inversion => inversion.Token)];

    /// <summary>Adds a token, whose vectors must live as long as it is here.</summary>
    /// <exception cref="RecipesException">
    /// It is of another family of models, or the token is already there or a word of the vocabulary.
    /// </exception>
    public void Add(TextualInversion inversion)
    {
        Place(inversion);
        Use([.. inversions, inversion]);
    }

    /// <summary>Takes a token away.</summary>
    /// <exception cref="RecipesException">It is not there.</exception>
    public void Remove(string token)
    {
        if (!inversions.Exists(inversion => inversion.Token == token))
        {
            throw Missing(token);
        }

        Use([.. inversions.Where(inversion => inversion.Token != token)]);
    }

    /// <summary>A token that is there.</summary>
    /// <exception cref="RecipesException">It is not there.</exception>
    public TextualInversion Get(string token) =>
        inversions.Find(inversion => inversion.Token == token) ?? throw Missing(token);

    private RecipesException Missing(string token) => new(
        $"token {token}",
        $"it is none of the {inversions.Count} learned tokens ({string.Join(", ", Names.Take(10))})",
        "Name one of these.");

    private void Use(List<TextualInversion> wanted)
    {
        var tokenizers = new List<ClipTokenizer>();
        var rows = new List<List<Tensor>>();
        for (var encoder = 0; encoder < bases.Count; encoder++)
        {
            var (tokenizer, vectors) = (bases[encoder], new List<Tensor>());
            foreach (var inversion in wanted)
            {
                if (Place(inversion).GetValueOrDefault(encoder) is { } part)
                {
                    tokenizer = tokenizer.WithEmbedding(inversion.Token, inversion.Count);
                    vectors.Add(part.to(model.TextEncoders[encoder].Device).DetachFromDisposeScope());
                }
            }

            tokenizers.Add(tokenizer);
            rows.Add(vectors);
        }

        inversions = wanted;
        model.Tokenizers = tokenizers;
        for (var encoder = 0; encoder < bases.Count; encoder++)
        {
            model.TextEncoders[encoder].Tokens.Extend(rows[encoder], bases[encoder].Count);
        }
    }

    /// <summary>The vectors by the number of the text encoder they belong to.</summary>
    private Dictionary<int, Tensor> Place(TextualInversion inversion)
    {
        var unet = new Dictionary<string, nn.Module> { ["unet"] = model.UNet };
        var family = AdapterFamily.Of(unet).Name;
        var widths = model.TextEncoders.Select(encoder => (long)encoder.Config.HiddenSize).ToList();
        var places = new Dictionary<int, Tensor>();
        foreach (var part in inversion.Parts)
        {
            var width = part.Rows.shape[1];
            var made = inversion.Family
                ?? (inversion.Parts.Count > 1 || part.Encoder is not null ? "SDXL" : ByWidth(width));
            var encoder = part.Encoder ?? widths.FindIndex(wide => wide == width);
            if (encoder < 0 || encoder >= widths.Count || widths[encoder] != width
                || (inversion.Family is not null && inversion.Family != family))
            {
                throw new RecipesException(
                    inversion.Where,
                    $"its vectors are {width} wide{(made is null ? "" : $" (made for {made})")}, the text "
                        + $"{(widths.Count > 1 ? "encoders take" : "encoder takes")} "
                        + $"{string.Join(" and ", widths)} (the model is {family})",
                    $"Choose an embedding for {family}, or the base model it was made for.");
            }

            places[encoder] = part.Rows;
        }

        return places;

        static string? ByWidth(long width) => width switch { 768 => "SD1", 1024 => "SD2", 1280 => "SDXL", _ => null };
    }
}
