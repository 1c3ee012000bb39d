using Recipes.Core.Kernels;
using Recipes.Core.Networks.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Conv2d = Recipes.Core.Networks.Layers.Conv2d;
using GroupNorm = Recipes.Core.Networks.Layers.GroupNorm;
using Linear = Recipes.Core.Networks.Layers.Linear;

namespace Recipes.Core.Networks.Blocks;

/// <summary>Transformer blocks over the pixels of a picture, added to it.</summary>
internal sealed class Transformer2DModel : nn.Module
{
    /// <summary>Unlike the other norms of the UNet, the one in front has this eps in every model.</summary>
    private const double NormEps = 1e-6;

    private readonly GroupNorm norm;
    private readonly nn.Module<Tensor, Tensor> proj_in;
    private readonly ModuleList<BasicTransformerBlock> transformer_blocks;
    private readonly nn.Module<Tensor, Tensor> proj_out;
    private readonly bool linear;

    public Transformer2DModel(TransformerShape shape, Device? device, ScalarType? dtype)
        : base(nameof(Transformer2DModel))
    {
        linear = shape.Linear;
        norm = new GroupNorm(shape.Groups, shape.Width, NormEps, device, dtype);
        proj_in = Projection(shape.Width, device, dtype);
        transformer_blocks = new ModuleList<BasicTransformerBlock>(
            [.. Enumerable.Range(0, (int)shape.Layers).Select(_ => new BasicTransformerBlock(shape, device, dtype))]);
        proj_out = Projection(shape.Width, device, dtype);
        RegisterComponents();
    }

    /// <param name="input">[batch, width, h, w].</param>
    /// <param name="context">The text.</param>
    public Tensor forward(Tensor input, TextContext context)
    {
        using var scope = NewDisposeScope();
        if (GroupNormKernel.Takes(input, input.shape[1]))
        {
            return Fuse(input, context).MoveToOuterDisposeScope();
        }

        var hidden = norm.forward(input);
        hidden = linear ? proj_in.forward(ToRows(hidden)) : ToRows(proj_in.forward(hidden));
        foreach (var block in transformer_blocks)
        {
            hidden = block.forward(hidden, context);
        }

        hidden = linear
            ? ToPixels(proj_out.forward(hidden), input.shape)
            : proj_out.forward(ToPixels(hidden, input.shape));
        return hidden.add(input).MoveToOuterDisposeScope();
    }

    /// <summary>The same as a part of a UNet's pass, recomputed where that is asked for.</summary>
    public Tensor Within(Tensor input, TextContext context)
    {
        return context.Recompute ? Recomputed.Run(Part, input, context.States) : forward(input, context);

        Tensor Part(Tensor[] given)
        {
            using var text = new TextContext(given[1]);
            return forward(given[0], text);
        }
    }

    /// <summary>Channels-last, where pixels are rows already and 1 × 1 convolutions linear maps of them.</summary>
    private Tensor Fuse(Tensor input, TextContext context)
    {
        var pictures = ChannelsLast.Of(input);
        var hidden = Project(proj_in, ToRows(norm.forward(pictures)), input.shape);
        hidden = transformer_blocks[0].forward(hidden, Bias(proj_in), context);
        foreach (var block in transformer_blocks.Skip(1))
        {
            hidden = block.forward(hidden, context);
        }

        hidden = ToPixels(Project(proj_out, hidden, input.shape), input.shape);
        return ElementwiseKernels.AddBias(
            pictures, ChannelsLast.Of(hidden), null, Bias(proj_out), null, input.shape[1]);
    }

    /// <summary>
    /// Rows through a projection, without its bias. One with adapters of its own sees what it was made for.
    /// </summary>
    private static Tensor Project(nn.Module<Tensor, Tensor> projection, Tensor rows, long[] shape)
    {
        if (projection is Linear map)
        {
            return map.Unbiased(rows);
        }

        var convolution = (Conv2d)projection;
        return convolution.Adapters.Count > 0
            ? ToRows(convolution.Unbiased(ToPixels(rows, shape)))
            : nn.functional.linear(rows, convolution.Weight.flatten(1));
    }

    private static Tensor? Bias(nn.Module<Tensor, Tensor> projection) =>
        projection is Linear map ? map.Bias : ((Conv2d)projection).Bias;

    private nn.Module<Tensor, Tensor> Projection(long width, Device? device, ScalarType? dtype) =>
        linear
            ? new Linear(width, width, device: device, dtype: dtype)
            : new Conv2d(width, width, 1, device: device, dtype: dtype);

    /// <summary>[batch, width, h, w] to [batch, h · w, width].</summary>
    private static Tensor ToRows(Tensor pixels) => pixels.flatten(2).transpose(1, 2).contiguous();

    private static Tensor ToPixels(Tensor rows, long[] shape) => rows.transpose(1, 2).reshape(shape);
}
