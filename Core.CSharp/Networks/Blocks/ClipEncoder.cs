using Recipes.Core.Networks.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using LayerNorm = Recipes.Core.Networks.Layers.LayerNorm;
using Linear = Recipes.Core.Networks.Layers.Linear;

namespace Recipes.Core.Networks.Blocks;

/// <summary>The transformer layers of a CLIP tower.</summary>
internal sealed class ClipEncoder : nn.Module
{
    private readonly ModuleList<ClipEncoderLayer> layers;

    public ClipEncoder(ClipShape shape, Device? device, ScalarType? dtype)
        : base(nameof(ClipEncoder))
    {
        layers = new ModuleList<ClipEncoderLayer>(
            [.. Enumerable.Range(0, (int)shape.Layers).Select(_ => new ClipEncoderLayer(shape, device, dtype))]);
        RegisterComponents();
    }

    /// <summary>The input, then the output of each layer, all [batch, n, width].</summary>
    /// <param name="embedded">[batch, n, width].</param>
    /// <param name="causal">Whether each position sees only itself and those before it.</param>
    public List<Tensor> States(Tensor embedded, bool causal)
    {
        var states = new List<Tensor> { embedded };
        foreach (var layer in layers)
        {
            states.Add(layer.forward(states[^1], causal));
        }

        return states;
    }
}

/// <summary>Self-attention and a feed-forward, each normalised first and added.</summary>
internal sealed class ClipEncoderLayer : nn.Module
{
    private readonly ClipAttention self_attn;
    private readonly LayerNorm layer_norm1;
    private readonly ClipMlp mlp;
    private readonly LayerNorm layer_norm2;

    public ClipEncoderLayer(ClipShape shape, Device? device, ScalarType? dtype)
        : base(nameof(ClipEncoderLayer))
    {
        self_attn = new ClipAttention(shape, device, dtype);
        layer_norm1 = new LayerNorm(shape.Width, shape.NormEps, device, dtype);
        mlp = new ClipMlp(shape, device, dtype);
        layer_norm2 = new LayerNorm(shape.Width, shape.NormEps, device, dtype);
        RegisterComponents();
    }

    public Tensor forward(Tensor input, bool causal)
    {
        using var scope = NewDisposeScope();
        // Not in place: with an adapter the outputs are views made by a gradient of our own.
        var hidden = self_attn.forward(layer_norm1.forward(input), causal).add(input);
        return mlp.forward(layer_norm2.forward(hidden)).add(hidden).MoveToOuterDisposeScope();
    }
}

/// <summary>Self-attention of several heads, all maps with biases.</summary>
internal sealed class ClipAttention : nn.Module
{
    private readonly Linear k_proj;
    private readonly Linear v_proj;
    private readonly Linear q_proj;
    private readonly Linear out_proj;
    private readonly long heads;

    public ClipAttention(ClipShape shape, Device? device, ScalarType? dtype)
        : base(nameof(ClipAttention))
    {
        var width = shape.Width;
        heads = shape.Heads;
        k_proj = new Linear(width, width, device: device, dtype: dtype);
        v_proj = new Linear(width, width, device: device, dtype: dtype);
        q_proj = new Linear(width, width, device: device, dtype: dtype);
        out_proj = new Linear(width, width, device: device, dtype: dtype);
        RegisterComponents();
    }

    public Tensor forward(Tensor input, bool causal)
    {
        using var scope = NewDisposeScope();
        var attended = Attention.Attend(
            Attention.Split(q_proj.forward(input), heads),
            Attention.Split(k_proj.forward(input), heads),
            Attention.Split(v_proj.forward(input), heads),
            causal);
        return out_proj.forward(attended).MoveToOuterDisposeScope();
    }
}

/// <summary>A wider layer and back.</summary>
internal sealed class ClipMlp : nn.Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;
    private readonly bool quick;

    public ClipMlp(ClipShape shape, Device? device, ScalarType? dtype)
        : base(nameof(ClipMlp))
    {
        quick = shape.Activation == "quick_gelu";
        fc1 = new Linear(shape.Width, shape.Inner, device: device, dtype: dtype);
        fc2 = new Linear(shape.Inner, shape.Width, device: device, dtype: dtype);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var hidden = fc1.forward(input);
        hidden = quick ? hidden.mul(1.702).sigmoid_().mul(hidden) : hidden.gelu();
        return fc2.forward(hidden).MoveToOuterDisposeScope();
    }
}
