using Recipes.Core.Kernels;
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
        var parts = Project([to_k, to_v], context);
        return scope.MoveToOuter(parts[0], parts[1]);
    }

    /// <summary>
    /// Lays the weights that read the same one behind the other, for one product, where they are frozen; their adapters'
    /// too. Nothing that the network knows of changes.
    /// </summary>
    public void Merge() =>
        MergedLinear.Lay(to_q.Weight.shape[1] == to_k.Weight.shape[1] ? [to_q, to_k, to_v] : [to_k, to_v]);

    /// <param name="states">[batch, n, width].</param>
    /// <param name="keyAndValue">From <see cref="Prepare"/>; null for attention of the states to themselves.</param>
    /// <param name="recorder">Told of the queries and keys; null for none.</param>
    /// <returns>[batch, n, width].</returns>
    public Tensor forward(
        Tensor states, (Tensor Key, Tensor Value)? keyAndValue, AttentionRecorder? recorder = null)
    {
        using var attended = Attend(states, keyAndValue, recorder);
        return to_out[0].forward(attended);
    }

    /// <summary>The same without the last bias, for a caller that adds it together with more.</summary>
    public Tensor Unbiased(
        Tensor states, (Tensor Key, Tensor Value)? keyAndValue, AttentionRecorder? recorder = null)
    {
        using var attended = Attend(states, keyAndValue, recorder);
        return to_out[0].Unbiased(attended);
    }

    /// <summary>The last bias, [width].</summary>
    public Tensor? Bias => to_out[0].Bias;

    private Tensor Attend(
        Tensor states, (Tensor Key, Tensor Value)? keyAndValue, AttentionRecorder? recorder)
    {
        using var scope = NewDisposeScope();
        Tensor[] parts = keyAndValue is { } given
            ? [.. Project([to_q], states), given.Key, given.Value]
            : Project([to_q, to_k, to_v], states);
        recorder?.Record(parts[0], parts[1]);
        return Attention.Attend(parts[0], parts[1], parts[2]).MoveToOuterDisposeScope();
    }

    /// <summary>What maps make of the same states, split in heads, in one product where kernels are used.</summary>
    private Tensor[] Project(Linear[] maps, Tensor states)
    {
        var together = maps.Length > 1 && Fused.Takes(states, states.shape[^1]) ? MergedLinear.Apply(maps, states) : null;
        return [.. (together ?? maps.Select(map => map.forward(states))).Select(part => Attention.Split(part, heads))];
    }
}
