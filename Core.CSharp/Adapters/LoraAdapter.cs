using Recipes.Core.Networks.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>
/// Adds scale × alpha/rank × B(A(x)) to a layer's output: W' = W + scale × alpha/rank × BA (Hu et al., equation 3).
/// For a convolution A is one of the same kernel, stride and padding with rank outputs, and B is 1 × 1.
/// </summary>
public sealed class LoraAdapter : IAdapter, IDisposable
{
    private readonly bool isConvolution;

    /// <param name="component">The network's name in a pipeline: unet, text_encoder.</param>
    /// <param name="path">The layer's name in that network.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="down">A: [rank, in] or [rank, in, height, width]; it becomes the parameter.</param>
    /// <param name="up">B: [out, rank] or [out, rank, 1, 1]; it becomes the parameter.</param>
    /// <param name="alpha">Alpha of the scale alpha/rank.</param>
    /// <param name="dropout">Share of the input left out while training.</param>
    public LoraAdapter(
        string component, string path, IAdaptable layer, Tensor down, Tensor up, double alpha, double dropout = 0)
    {
        Component = component;
        Path = path;
        Layer = layer;
        Down = new Parameter(down);
        Up = new Parameter(up);
        Down.DetachFromDisposeScope();
        Up.DetachFromDisposeScope();
        Alpha = alpha;
        Dropout = dropout;
        isConvolution = layer.Weight.dim() > 2;
    }

    /// <summary>The network's name in a pipeline.</summary>
    public string Component { get; }

    /// <summary>The layer's name in that network.</summary>
    public string Path { get; }

    /// <summary>Component and path: unique in a set.</summary>
    public string Name => $"{Component}.{Path}";

    /// <summary>The layer it sits on.</summary>
    public IAdaptable Layer { get; }

    /// <summary>A.</summary>
    public Parameter Down { get; }

    /// <summary>B.</summary>
    public Parameter Up { get; }

    /// <summary>Width of the bottleneck.</summary>
    public int Rank => (int)Down.shape[0];

    /// <summary>Alpha of the scale alpha/rank.</summary>
    public double Alpha { get; }

    /// <summary>Share of the input left out while training.</summary>
    public double Dropout { get; }

    /// <summary>The user's strength: 1 as trained, 0 for none.</summary>
    public double Scale { get; set; } = 1;

    /// <summary>Draws what dropout leaves out, on the layer's device; null, as when sampling, for no dropout.</summary>
    public Generator? DropoutGenerator { get; set; }

    /// <summary>Scale × alpha/rank.</summary>
    public double Factor => Scale * Alpha / Rank;

    /// <summary>
    /// An adapter that changes nothing yet: A Kaiming-uniform with a = √5, that is ±1/√fan-in, and B zero.
    /// </summary>
    /// <param name="component">The network's name in a pipeline.</param>
    /// <param name="path">The layer's name in that network.</param>
    /// <param name="layer">The layer, whose device and type it takes.</param>
    /// <param name="options">Rank, alpha, dropout.</param>
    /// <param name="generator">Draws A, on the CPU.</param>
    /// <exception cref="RecipesException">The rank is above what the layer has room for.</exception>
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

        var bound = 1 / Math.Sqrt(fanIn);
        var down = empty(downShape, dtype: ScalarType.Float32).uniform_(-bound, bound, generator);
        var up = zeros(upShape, dtype: layer.Weight.dtype, device: layer.Weight.device);
        return new LoraAdapter(
            component,
            path,
            layer,
            down.to(layer.Weight.dtype, layer.Weight.device),
            up,
            options.AlphaOf(path),
            options.Dropout);
    }

    /// <summary>The shapes of A and B for a layer.</summary>
    public static (long[] Down, long[] Up) Shapes(IAdaptable layer, long rank)
    {
        var shape = layer.Weight.shape;
        return ([rank, .. shape[1..]], shape.Length > 2 ? [shape[0], rank, 1, 1] : [shape[0], rank]);
    }

    /// <inheritdoc/>
    public Tensor Apply(IAdaptable layer, Tensor input, Tensor output)
    {
        if (Scale == 0)
        {
            return output;
        }

        var kept = Dropout > 0 && DropoutGenerator is { } generator ? DropFrom(input, generator) : input;
        var hidden = layer.Map(kept, Down);
        var added = isConvolution ? nn.functional.conv2d(hidden, Up) : nn.functional.linear(hidden, Up);
        return output.add(added, Factor);
    }

    /// <summary>
    /// What the adapter adds to the layer's weight: scale × alpha/rank × BA in float32, shaped like the weight.
    /// </summary>
    public Tensor Delta()
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var down = Down.to(ScalarType.Float32).flatten(1);
        var up = Up.to(ScalarType.Float32).flatten(1);
        return up.matmul(down).mul(Factor).reshape(Layer.Weight.shape).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Layer.Adapters.Remove(this);
        Down.Dispose();
        Up.Dispose();
    }

    private Tensor DropFrom(Tensor input, Generator generator)
    {
        var keep = empty(input.shape, dtype: input.dtype, device: input.device).bernoulli_(1 - Dropout, generator);
        return input * keep.div_(1 - Dropout);
    }
}
