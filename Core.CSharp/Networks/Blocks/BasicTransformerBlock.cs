using Recipes.Core.Kernels;
using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Blocks;

/// <summary>Self-attention, attention to the text, and a gated feed-forward, each normalised first and added.</summary>
internal sealed class BasicTransformerBlock : nn.Module
{
    private readonly LayerNorm norm1;
    private readonly CrossAttention attn1;
    private readonly LayerNorm norm2;
    private readonly CrossAttention attn2;
    private readonly LayerNorm norm3;
    private readonly FeedForward ff;
    private readonly bool onlyCross;

    /// <param name="shape">Width and heads.</param>
    /// <param name="device">Where the weights lie.</param>
    /// <param name="dtype">Type of the weights.</param>
    public BasicTransformerBlock(TransformerShape shape, Device? device, ScalarType? dtype)
        : base(nameof(BasicTransformerBlock))
    {
        var width = shape.Width;
        var text = shape.ContextWidth;
        onlyCross = shape.OnlyCross;
        norm1 = new LayerNorm(width, device: device, dtype: dtype);
        attn1 = new CrossAttention(width, onlyCross ? text : width, shape.Heads, device, dtype);
        norm2 = new LayerNorm(width, device: device, dtype: dtype);
        attn2 = new CrossAttention(width, text, shape.Heads, device, dtype);
        norm3 = new LayerNorm(width, device: device, dtype: dtype);
        ff = new FeedForward(width, device, dtype);
        RegisterComponents();
    }

    /// <param name="input">[batch, n, width].</param>
    /// <param name="context">The text, [batch, m, text width], or its keys and values.</param>
    public Tensor forward(Tensor input, TextContext context)
    {
        using var scope = NewDisposeScope();
        var normed = norm1.forward(input);
        if (LayerNormKernel.Takes(input, input.shape[^1]))
        {
            return Fuse(input, normed, context).MoveToOuterDisposeScope();
        }

        var hidden = attn1.forward(normed, onlyCross ? context.For(attn1) : null).add_(input);
        // Added in place to the fresh output: the norm's input must stay as it was for the gradient.
        hidden = attn2.forward(norm2.forward(hidden), context.For(attn2), context.Recorder).add_(hidden);
        hidden = ff.forward(norm3.forward(hidden)).add_(hidden);
        return hidden.MoveToOuterDisposeScope();
    }

    /// <summary>The same for an input to which a bias [width] is still to be added.</summary>
    public Tensor forward(Tensor input, Tensor? bias, TextContext context)
    {
        using var scope = NewDisposeScope();
        var (sum, normed) = norm1.AddForward(input, null, bias);
        return Fuse(sum, normed, context).MoveToOuterDisposeScope();
    }

    /// <summary>Has the text's keys and values kept.</summary>
    public void Keep(TextContext context)
    {
        _ = onlyCross ? context.For(attn1) : default;
        _ = context.For(attn2);
    }

    /// <summary>Each sum with the bias before it and the norm after it in one pass over memory.</summary>
    private Tensor Fuse(Tensor input, Tensor normed, TextContext context)
    {
        var delta = attn1.Unbiased(normed, onlyCross ? context.For(attn1) : null);
        var (hidden, second) = norm2.AddForward(input, delta, attn1.Bias);
        delta = attn2.Unbiased(second, context.For(attn2), context.Recorder);
        (hidden, var third) = norm3.AddForward(hidden, delta, attn2.Bias);
        return ElementwiseKernels.AddBias(hidden, ff.Unbiased(third), null, ff.Bias, null, input.shape[^1]);
    }
}

/// <summary>What the transformer blocks of one attention share.</summary>
/// <param name="Width">Channels.</param>
/// <param name="ContextWidth">Width of the text's states.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="Layers">Transformer blocks.</param>
/// <param name="OnlyCross">Whether the first attention, too, looks at the text.</param>
/// <param name="Linear">Whether linear maps, not convolutions, lead in and out.</param>
/// <param name="Groups">Groups of the norm in front.</param>
internal sealed record TransformerShape(
    long Width, long ContextWidth, long Heads, long Layers, bool OnlyCross, bool Linear, long Groups);
