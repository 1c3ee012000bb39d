using static TorchSharp.torch;

namespace Recipes.Core.Pipelines.Prompts;

/// <summary>
/// Prompts through a model's text encoders. Weights multiply the states of their tokens, after which each prompt gets
/// its old mean back, as in the AUTOMATIC1111 web UI. The pooled state is that of a prompt's first chunk.
/// </summary>
public static class PromptEncoder
{
    /// <summary>What prompts tell a model that is led by them alone: n rows.</summary>
    /// <param name="model">The model; adapters attached to its text encoders take part.</param>
    /// <param name="prompts">One or more.</param>
    /// <param name="options">How they are read; as A1111 does when null.</param>
    /// <exception cref="RecipesException">A prompt or an option cannot be used.</exception>
    public static EncodedPrompts Encode(
        StableDiffusionModel model, IReadOnlyList<string> prompts, PromptOptions? options = null)
    {
        options ??= new PromptOptions();
        options.Check(model);
        var tokens = Tokens(model, prompts, options);
        return Encode(model, tokens, Longest(tokens), options.ClipSkip);
    }

    /// <summary>What negative prompts tell, then what prompts tell, of one length: 2n rows.</summary>
    /// <param name="model">The model; adapters attached to its text encoders take part.</param>
    /// <param name="negatives">
    /// As many as prompts. Null for none: the states of the empty text, or zeros in models trained so.
    /// </param>
    /// <param name="prompts">One or more.</param>
    /// <param name="options">How they are read; as A1111 does when null.</param>
    /// <exception cref="RecipesException">A prompt or an option cannot be used.</exception>
    public static EncodedPrompts EncodeGuided(
        StableDiffusionModel model,
        IReadOnlyList<string>? negatives,
        IReadOnlyList<string> prompts,
        PromptOptions? options = null)
    {
        options ??= new PromptOptions();
        options.Check(model);
        using var scope = NewDisposeScope();
        var tokens = Tokens(model, prompts, options);
        EncodedPrompts positive;
        EncodedPrompts negative;
        if (negatives is null && model.ForceZerosForEmptyPrompt)
        {
            positive = Encode(model, tokens, Longest(tokens), options.ClipSkip);
            negative = new EncodedPrompts(zeros_like(positive.States), ZerosLike(positive.Pooled));
        }
        else
        {
            var others = Tokens(model, negatives ?? [.. prompts.Select(_ => "")], options);
            var chunks = Math.Max(Longest(tokens), Longest(others));
            positive = Encode(model, tokens, chunks, options.ClipSkip);
            negative = Encode(model, others, chunks, options.ClipSkipNegative ? options.ClipSkip : 0);
        }

        return new EncodedPrompts(
            cat([negative.States, positive.States], 0).MoveToOuterDisposeScope(),
            negative.Pooled is null
                ? null
                : cat([negative.Pooled, positive.Pooled!], 0).MoveToOuterDisposeScope());
    }

    /// <summary>For each text encoder, the tokens of each text.</summary>
    private static PromptTokens[][] Tokens(
        StableDiffusionModel model, IReadOnlyList<string> texts, PromptOptions options) =>
    [
        .. model.Tokenizers.Select(tokenizer =>
            texts.Select(text => new PromptTokens(tokenizer, text, options)).ToArray()),
    ];

    private static Tensor? ZerosLike(Tensor? values) => values is null ? null : zeros_like(values);

    private static int Longest(PromptTokens[][] tokens) => tokens.Max(tower => tower.Max(text => text.Chunks));

    private static EncodedPrompts Encode(StableDiffusionModel model, PromptTokens[][] tokens, int chunks, int skip)
    {
        using var gradients = no_grad();
        using var scope = NewDisposeScope();
        var towers = tokens.Select((texts, tower) => Encode(model, tower, texts, chunks, skip)).ToList();
        var states = towers.Count == 1 ? towers[0].States : cat([.. towers.Select(tower => tower.States)], -1);
        return new EncodedPrompts(
            states.MoveToOuterDisposeScope(), towers[^1].Pooled?.MoveToOuterDisposeScope());
    }

    private static EncodedPrompts Encode(
        StableDiffusionModel model, int index, PromptTokens[] texts, int chunks, int skip)
    {
        var (tower, length) = (model.TextEncoders[index], model.Tokenizers[index].MaxLength);
        var ids = new long[texts.Length * chunks * length];
        for (var row = 0; row < texts.Length * chunks; row++)
        {
            texts[row / chunks].WriteIds(row % chunks, ids.AsSpan(row * length, length));
        }

        var output = tower.forward(tensor(ids, [texts.Length * chunks, length], device: tower.Device));

        // SDXL was trained with the states before the last layer, and without the last norm.
        var states = (model.IsXL, skip) switch
        {
            (true, _) => output.HiddenStates[^(skip + 2)],
            (false, 0) => output.LastHiddenState,
            _ => tower.FinalNorm.forward(output.HiddenStates[^(skip + 1)]),
        };
        states = Weighted(states.reshape(texts.Length, chunks * length, -1), texts, chunks, length);
        var pooled = output.Projected?.reshape(texts.Length, chunks, -1).select(1, 0);
        return new EncodedPrompts(states, pooled);
    }

    private static Tensor Weighted(Tensor states, PromptTokens[] texts, int chunks, int length)
    {
        if (!texts.Any(text => text.IsWeighted))
        {
            return states;
        }

        var weights = new float[texts.Length * chunks * length];
        for (var row = 0; row < texts.Length * chunks; row++)
        {
            texts[row / chunks].WriteWeights(row % chunks, weights.AsSpan(row * length, length));
        }

        var factors = tensor(weights, [texts.Length, chunks * length, 1], device: states.device);
        var wide = states.to_type(ScalarType.Float32);
        var weighted = wide.mul(factors);
        var ratio = Mean(wide).div_(Mean(weighted));
        return weighted.mul_(ratio).to_type(states.dtype);

        static Tensor Mean(Tensor values) => values.mean([1, 2], keepdim: true);
    }
}
