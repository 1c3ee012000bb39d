using Recipes.Core.Kernels;
using Recipes.Core.Networks.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Linear = Recipes.Core.Networks.Layers.Linear;

namespace Recipes.Core.Adapters;

/// <summary>
/// Adds scale × alpha/rank × B(A(x)) to a layer's output: W' = W + scale × alpha/rank × BA (Hu et al., equation 3).
/// For a convolution A is one of the same kernel, stride and padding with rank outputs, and B is 1 × 1. With a
/// magnitude m for each output it is DoRA: W' = m (W + …) / ‖W + …‖, the norm over all inputs of an output and
/// constant to the gradient (Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation", equation 5 and section 4.3).
/// </summary>
public sealed class LoraAdapter : WeightAdapter, IFusedAdapter, ILowRank
{
    /// <param name="component">The network's name in a pipeline: unet, text_encoder.</param>
    /// <param name="path">The layer's name in that network.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="down">A: [rank, in] or [rank, in, height, width]; it becomes the parameter.</param>
    /// <param name="up">B: [out, rank] or [out, rank, 1, 1]; it becomes the parameter.</param>
    /// <param name="alpha">Alpha of the scale alpha/rank.</param>
    /// <param name="dropout">Share of the input left out while training.</param>
    /// <param name="magnitude">DoRA's m, [out]; it becomes the parameter. Null for plain LoRA.</param>
    /// <param name="frozen">Whether A stays as it is in training.</param>
    public LoraAdapter(
        string component,
        string path,
        IAdaptable layer,
        Tensor down,
        Tensor up,
        double alpha,
        double dropout = 0,
        Tensor? magnitude = null,
        bool frozen = false)
        : base(component, path, layer)
    {
        Down = Keep(down, !frozen);
        Up = Keep(up);
        Magnitude = magnitude is null ? null : Keep(magnitude);
        Alpha = alpha;
        Dropout = dropout;
        IsFrozen = frozen;

        static Parameter Keep(Tensor values, bool trained = true)
        {
            var parameter = new Parameter(values, trained);
            parameter.DetachFromDisposeScope();
            return parameter;
        }
    }

    /// <summary>A.</summary>
    public Parameter Down { get; }

    /// <summary>B.</summary>
    public Parameter Up { get; }

    /// <summary>DoRA's magnitude of each output, [out]; null for plain LoRA.</summary>
    public Parameter? Magnitude { get; }

    /// <summary>Whether A stays as it is in training: the share of a basis.</summary>
    public bool IsFrozen { get; }

    /// <summary>Width of the bottleneck.</summary>
    public int Rank => (int)Down.shape[0];

    /// <summary>Alpha of the scale alpha/rank.</summary>
    public double Alpha { get; }

    /// <summary>Share of the input left out while training.</summary>
    public double Dropout { get; }

    /// <summary>Decides what dropout leaves out; null, as when sampling, for no dropout.</summary>
    internal DropoutDraw? LeftOut { get; set; }

    /// <summary>Scale × alpha/rank.</summary>
    public double Factor => Scale * Alpha / Rank;

    LowRank? ILowRank.Part => Part;

    private LowRank? Part =>
        Scale != 0 && Magnitude is null ? new LowRank(Down, Up, Factor, Dropped ? Drop : null) : null;

    private bool IsConvolution => Layer.Weight.dim() > 2;

    /// <summary>
    /// An adapter that changes nothing yet: A as the options say and B zero; DoRA's magnitudes are the norms of the
    /// layer's own weight.
    /// </summary>
    /// <param name="component">The network's name in a pipeline.</param>
    /// <param name="path">The layer's name in that network.</param>
    /// <param name="layer">The layer, whose device and type it takes.</param>
    /// <param name="options">Rank, alpha, dropout, initialisation.</param>
    /// <param name="generator">Draws A, on the CPU.</param>
    /// <exception cref="RecipesException">The rank or the share is above what the layer has room for.</exception>
    public static LoraAdapter Create(
        string component, string path, IAdaptable layer, LoraOptions options, Generator generator)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var rank = options.RankOf(path);
        var (downShape, upShape) = Shapes(layer, rank);
        var fanIn = downShape[1..].Aggregate(1L, (product, size) => product * size);
        var room = Math.Min(fanIn, upShape[0]);
        if (rank > room)
        {
            throw new RecipesException(
                $"Lora.Rank at {component}.{path}",
                $"rank {rank} is above {room}, the smaller side of the layer's "
                    + $"[{string.Join(", ", layer.Weight.shape)}]",
                $"Lower the rank to {room}, or give this layer a rank of its own.");
        }

        var down = (options.Share is { } share
            ? SharedBasis.Rows(fanIn, rank, share)
            : Drawn(options.Initialisation, rank, fanIn, generator)).reshape(downShape);
        var up = zeros(upShape, dtype: layer.Weight.dtype, device: layer.Weight.device);
        return new LoraAdapter(
            component,
            path,
            layer,
            down.to(layer.Weight.dtype, layer.Weight.device),
            up,
            options.AlphaOf(path),
            options.Dropout,
            options.Dora ? Norms(layer.Weight.to(ScalarType.Float32)).to(layer.Weight.dtype) : null,
            options.Share is not null);
    }

    /// <summary>A fresh A, [rank, fan-in] in float32.</summary>
    private static Tensor Drawn(LoraInitialisation kind, int rank, long fanIn, Generator generator)
    {
        var values = empty([rank, fanIn], dtype: ScalarType.Float32);
        var bound = 1 / Math.Sqrt(fanIn);
        return kind switch
        {
            LoraInitialisation.Gaussian => values.normal_(0, 1.0 / rank, generator),
            LoraInitialisation.Orthogonal => linalg.qr(values.normal_(0, 1, generator).t()).Q.t(),
            _ => values.uniform_(-bound, bound, generator),
        };
    }

    /// <summary>The shapes of A and B for a layer.</summary>
    public static (long[] Down, long[] Up) Shapes(IAdaptable layer, long rank)
    {
        var shape = layer.Weight.shape;
        return ([rank, .. shape[1..]], shape.Length > 2 ? [shape[0], rank, 1, 1] : [shape[0], rank]);
    }

    /// <inheritdoc/>
    public Tensor? Compute(Linear layer, Tensor input, Tensor? bias) =>
        Part is { } part && Down.dtype == input.dtype && Fused.Takes(input, input.shape[^1])
            ? LoraLinear.Apply(input, layer.Weight, bias, Down, Up, part.Factor, part.Drop)
            : null;

    /// <inheritdoc/>
    public override Tensor Apply(IAdaptable layer, Tensor input, Tensor own, Tensor output)
    {
        if (Scale == 0)
        {
            return output;
        }

        var dropped = Dropped;
        var kept = dropped ? Drop(input) : input;
        var hidden = layer.Map(kept, Down);
        var added = IsConvolution ? nn.functional.conv2d(hidden, Up) : nn.functional.linear(hidden, Up);
        if (Magnitude is null)
        {
            return output.add(added, Factor);
        }

        var shares = (Magnitude / Sizes().to(Magnitude.dtype)).reshape(Aligned(-1));
        var plain = dropped ? layer.Map(kept, layer.Weight)
            : layer.Bias is { } bias ? own - bias.reshape(Aligned(-1))
            : own;
        return output + ((shares - 1) * plain) + (shares * added * Factor);
    }

    /// <inheritdoc/>
    public override Tensor Delta()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var product = Product();
        if (Magnitude is null || Scale == 0)
        {
            return product.MoveToOuterDisposeScope();
        }

        var weight = Layer.Weight.to(ScalarType.Float32);
        var whole = weight + product;
        var shares = (Magnitude.to(ScalarType.Float32) / Norms(whole)).reshape([-1, .. Ones(weight.dim() - 1)]);
        return ((shares * whole) - weight).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        Down.Dispose();
        Up.Dispose();
        Magnitude?.Dispose();
    }

    /// <summary>Scale × alpha/rank × BA in float32, shaped like the weight.</summary>
    private Tensor Product()
    {
        var down = Down.to(ScalarType.Float32).flatten(1);
        var up = Up.to(ScalarType.Float32).flatten(1);
        return up.matmul(down).mul(Factor).reshape(Layer.Weight.shape);
    }

    /// <summary>‖W + scale × alpha/rank × BA‖ of each output in float32, [out], outside the gradient.</summary>
    private Tensor Sizes()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        return Norms(Layer.Weight.to(ScalarType.Float32) + Product()).MoveToOuterDisposeScope();
    }

    /// <summary>The norm over all inputs of each output, [out]; of an output without weights as good as none.</summary>
    private static Tensor Norms(Tensor weight) =>
        weight.flatten(1).square().sum(1).sqrt().clamp_min(1e-30);

    /// <summary>The shape that sets a value of each output against the layer's output.</summary>
    private long[] Aligned(long outputs) => IsConvolution ? [outputs, 1, 1] : [outputs];

    private static long[] Ones(long count) => [.. Enumerable.Repeat(1L, (int)count)];

    private bool Dropped => Dropout > 0 && LeftOut is not null;

    private Tensor Drop(Tensor input) => LeftOut!.Apply(input, Dropout);
}
