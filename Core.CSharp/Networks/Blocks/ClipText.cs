using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Blocks;

/// <summary>The text tower: token and position embeddings, causal layers, a norm.</summary>
internal sealed class ClipTextTransformer : nn.Module
{
    private readonly ClipTextEmbeddings embeddings;
    private readonly ClipEncoder encoder;
    private readonly LayerNorm final_layer_norm;
    private readonly long end;

    public ClipTextTransformer(ClipTextConfig config, Device? device, ScalarType? dtype)
        : base(nameof(ClipTextTransformer))
    {
        end = config.EosTokenId;
        embeddings = new ClipTextEmbeddings(config, device, dtype);
        encoder = new ClipEncoder(ClipShape.Of(config), device, dtype);
        final_layer_norm = new LayerNorm(config.HiddenSize, config.LayerNormEps, device, dtype);
        RegisterComponents();
    }

    public Embedding Tokens => embeddings.Tokens;

    public LayerNorm FinalNorm => final_layer_norm;

    public ClipTextOutput forward(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var states = encoder.States(embeddings.forward(ids), causal: true);
        var last = final_layer_norm.forward(states[^1]);
        scope.MoveToOuter(states);
        return new ClipTextOutput(
            last.MoveToOuterDisposeScope(), Pool(last, ids).MoveToOuterDisposeScope(), states);
    }

    /// <summary>The state at the first end token; see <see cref="ClipTextConfig.EosTokenId"/>.</summary>
    private Tensor Pool(Tensor states, Tensor ids)
    {
        // The id 2 of the first published configs is no end token: there the end has the highest id.
        var marks = end == 2 ? Tokens.WithoutAdded(ids) : ids.eq(end).to_type(ScalarType.Int32);
        var width = states.shape[2];
        var at = marks.argmax(-1).reshape(-1, 1, 1).expand(-1, 1, width);
        return states.gather(1, at).squeeze(1);
    }
}

/// <summary>A vector for each token plus one for its position.</summary>
internal sealed class ClipTextEmbeddings : nn.Module<Tensor, Tensor>
{
    private readonly Embedding token_embedding;
    private readonly Embedding position_embedding;
    private readonly ClipTextConfig config;

    public ClipTextEmbeddings(ClipTextConfig config, Device? device, ScalarType? dtype)
        : base(nameof(ClipTextEmbeddings))
    {
        this.config = config;
        token_embedding = new Embedding(config.VocabSize, config.HiddenSize, device, dtype);
        position_embedding = new Embedding(config.MaxPositionEmbeddings, config.HiddenSize, device, dtype);
        RegisterComponents();
    }

    public Embedding Tokens => token_embedding;

    public override Tensor forward(Tensor input)
    {
        if (input.dim() != 2 || input.shape[1] > config.MaxPositionEmbeddings)
        {
            throw new RecipesException(
                config.Where,
                $"the token ids are [{string.Join(", ", input.shape)}], "
                    + $"not [batch, {config.MaxPositionEmbeddings}] or shorter",
                "Use the tokenizer that belongs to this model.");
        }

        using var scope = NewDisposeScope();
        var positions = position_embedding.Weight.narrow(0, 0, input.shape[1]);
        return token_embedding.forward(input).add(positions).MoveToOuterDisposeScope();
    }
}
