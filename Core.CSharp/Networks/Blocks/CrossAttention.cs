using Recipes.Core.Networks.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Linear = Recipes.Core.Networks.Layers.Linear;

namespace Recipes.Core.Networks.Blocks;

/// <summary>Attention of several heads from one sequence to itself or to another (the text).</summary>
internal sealed class CrossAttention : nn.Module
{
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly ModuleList<Linear> to_out;
    private readonly long heads;

    /// <param name="width">Width of the queries and of the output.</param>
    /// <param name="contextWidth">Width of what is attended to.</param>
    /// <param name="heads">Number of heads; the width is a multiple of it.</param>
    /// <param name="device">Where the weights lie.</param>
    /// <param name="dtype">Type of the weights.</param>
    public CrossAttention(
        long width, long contextWidth, long heads, Device? device, ScalarType? dtype)
        : base(nameof(CrossAttention))
    {
        this.heads = heads;
        to_q = new Linear(width, width, hasBias: false, device, dtype);
        to_k = new Linear(contextWidth, width, hasBias: false, device, dtype);
        to_v = new Linear(contextWidth, width, hasBias: false, device, dtype);
        to_out = new ModuleList<Linear>(new Linear(width, width, device: device, dtype: dtype));
        RegisterComponents();
    }

    /// <summary>The keys and values of a context, split in heads: [batch, heads, m, d] each.</summary>
    /// <param name="context">[batch, m, context width].</param>
    public (Tensor Key, Tensor Value) Prepare(Tensor context)
    {
        using var scope = NewDisposeScope();
        var key = Attention.Split(to_k.forward(context), heads);
        var value = Attention.Split(to_v.forward(context), heads);
        return scope.MoveToOuter(key, value);
    }

    /// <param name="states">[batch, n, width].</param>
    /// <param name="keyAndValue">From <see cref="Prepare"/>.</param>
    /// <param name="recorder">Told of the queries and keys; null for none.</param>
    /// <returns>[batch, n, width].</returns>
    public Tensor forward(
        Tensor states, (Tensor Key, Tensor Value) keyAndValue, AttentionRecorder? recorder = null)
    {
        using var attended = Attend(states, keyAndValue, recorder);
        return to_out[0].forward(attended);
    }

    /// <summary>The same without the last bias, for a caller that adds it together with more.</summary>
    public Tensor Unbiased(
        Tensor states, (Tensor Key, Tensor Value) keyAndValue, AttentionRecorder? recorder = null)
    {
        using var attended = Attend(states, keyAndValue, recorder);
        return to_out[0].Unbiased(attended);
    }

    /// <summary>The last bias, [width].</summary>
    public Tensor? Bias => to_out[0].Bias;

    private Tensor Attend(
        Tensor states, (Tensor Key, Tensor Value) keyAndValue, AttentionRecorder? recorder)
    {
        using var scope = NewDisposeScope();
        var query = Attention.Split(to_q.forward(states), heads);
        recorder?.Record(query, keyAndValue.Key);
        return Attention.Attend(query, keyAndValue.Key, keyAndValue.Value).MoveToOuterDisposeScope();
    }
}
