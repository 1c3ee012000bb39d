using System.Text.Json;
using Recipes.Core.Pipelines;
using static TorchSharp.torch;

namespace Recipes.Core.Training.Caches;

/// <summary>
/// What frozen text encoders make of captions, on disk: found by the captions' tokens and the encoders. Where new tokens are
/// on the model, nothing is kept.
/// </summary>
internal sealed class TextStore
{
    private const string States = "states";
    private const string Pooled = "pooled";
    private readonly StableDiffusionModel model;
    private readonly TensorStore store;
    private readonly string encoders;

    /// <param name="model">Its text encoders, frozen and without adapters.</param>
    /// <param name="folder">Where the states lie.</param>
    public TextStore(StableDiffusionModel model, string folder)
    {
        this.model = model;
        store = new TensorStore(folder);
        var hashes = model.TextEncoders.Select(encoder =>
            $"encoder {NetworkHash.Of(encoder, JsonSerializer.Serialize(encoder.Config with { Where = "" }))} {encoder.DType}");
        encoders = $"{string.Join('\n', hashes)}\nxl {model.IsXL}\n{ComputedBy.On(model.Device)}";
    }

    /// <summary>Captions that were there.</summary>
    public int Found => store.Found;

    /// <summary>Captions that were encoded and kept.</summary>
    public int Made => store.Made;

    /// <summary>States, [1, tokens, width], and SDXL's pooled state, [1, width].</summary>
    /// <param name="caption">The caption.</param>
    /// <param name="encode">Computes them where they are not there.</param>
    /// <exception cref="RecipesException">The folder cannot be written.</exception>
    public (Tensor States, Tensor? Pooled) Get(string caption, Func<(Tensor States, Tensor? Pooled)> encode)
    {
        if (model.LearnedTokens.Names.Count > 0)
        {
            // Their vectors are not among the encoders' weights.
            return encode();
        }

        var tokens = string.Join(
            " | ", model.Tokenizers.Select(tokenizer => string.Join(' ', tokenizer.Encode(caption))));
        var found = store.Get($"text 1\ntokens {tokens}\n{encoders}", model.Device, () =>
        {
            var (states, pooled) = encode();
            var made = new Dictionary<string, Tensor> { [States] = states };
            if (pooled is not null)
            {
                made.Add(Pooled, pooled);
            }

            return made;
        });
        return (found[States], found.GetValueOrDefault(Pooled));
    }
}
