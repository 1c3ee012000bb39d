using Recipes.Core.Networks.Blocks;
using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>
/// The text tower of CLIP (Radford et al. 2021), with a projection of the pooled state where the config has one. Its
/// parameters are named as in the classic checkpoints, from text_model. on.
/// </summary>
public sealed class ClipTextModel : nn.Module<Tensor, ClipTextOutput>
{
    private readonly ClipTextTransformer text_model;
    private readonly Linear? text_projection;

    /// <param name="config">The shape.</param>
    /// <param name="device">The CPU by default; meta for shapes alone.</param>
    /// <param name="dtype">Float32 by default.</param>
    public ClipTextModel(ClipTextConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(ClipTextModel))
    {
        Config = config;
        text_model = new ClipTextTransformer(config, device, dtype);
        text_projection = config.ProjectionDim is { } width
            ? new Linear(config.HiddenSize, width, hasBias: false, device, dtype)
            : null;
        RegisterComponents();
    }

    /// <summary>The shape it was built with.</summary>
    public ClipTextConfig Config { get; }

    /// <summary>The table of token vectors, which textual inversion extends.</summary>
    public Embedding Tokens => text_model.Tokens;

    /// <summary>The norm after the last layer, for states taken before it (clip skip).</summary>
    public LayerNorm FinalNorm => text_model.FinalNorm;

    /// <summary>The type of its weights and its output.</summary>
    public ScalarType DType => text_model.Tokens.Weight.dtype;

    /// <summary>Where its weights lie.</summary>
    public Device Device => text_model.Tokens.Weight.device;

    /// <param name="input">
    /// Token ids, [batch, n], with n at most 77 in the published models. No position is masked.
    /// </param>
    public override ClipTextOutput forward(Tensor input)
    {
        var output = text_model.forward(input);
        return text_projection is null
            ? output
            : output with { Projected = text_projection.forward(output.Pooled) };
    }
}

/// <summary>What a CLIP text tower makes of token ids.</summary>
/// <param name="LastHiddenState">[batch, n, width], after the last norm.</param>
/// <param name="Pooled">[batch, width]: the last state at the end token.</param>
/// <param name="HiddenStates">The embeddings and each layer's output, before the last norm.</param>
public sealed record ClipTextOutput(Tensor LastHiddenState, Tensor Pooled, IReadOnlyList<Tensor> HiddenStates)
{
    /// <summary>[batch, projection width], in models with a projection.</summary>
    public Tensor? Projected { get; init; }
}
