using Recipes.Core.Networks.Blocks;
using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>
/// The text that the attentions look at. When it is reused (sampling asks the network about the same prompts at
/// each step) the keys and values are computed once for each attention and kept.
/// </summary>
public sealed class TextContext : IDisposable
{
    private readonly Dictionary<nn.Module, (Tensor Key, Tensor Value)>? kept;

    /// <param name="states">[batch, m, width]; not owned.</param>
    /// <param name="reused">Whether to keep keys and values. Needs unchanging weights and no gradients.</param>
    public TextContext(Tensor states, bool reused = false)
        : this(states, reused ? [] : null, null)
    {
    }

    private TextContext(
        Tensor states, Dictionary<nn.Module, (Tensor Key, Tensor Value)>? kept, AttentionRecorder? recorder)
    {
        States = states;
        this.kept = kept;
        Recorder = recorder;
    }

    /// <summary>[batch, m, width].</summary>
    public Tensor States { get; }

    /// <summary>Records where the attentions to this text look; null for none.</summary>
    internal AttentionRecorder? Recorder { get; }

    /// <summary>Whether the blocks that this text leads run again for their gradients, rather than keep all.</summary>
    internal bool Recompute { get; private init; }

    /// <summary>The same text for a pass whose blocks are recomputed.</summary>
    internal TextContext Recomputed() => new(States) { Recompute = true };

    /// <summary>This text, its kept keys and values included, with the attentions to it recorded.</summary>
    internal TextContext RecordedBy(AttentionRecorder recorder) => new(States, kept, recorder);

    /// <summary>Computes and keeps the keys and values of all attentions of a network to the text, ahead of need.</summary>
    internal void Keep(nn.Module network)
    {
        foreach (var block in network.modules().OfType<BasicTransformerBlock>())
        {
            block.Keep(this);
        }
    }

    /// <summary>Another text of the same shape in the same memory, its keys and values too.</summary>
    internal void Refill(Tensor states)
    {
        using var scope = NewDisposeScope();
        States.copy_(states);
        foreach (var (attention, memory) in kept ?? [])
        {
            var (key, value) = ((CrossAttention)attention).Prepare(States);
            memory.Key.copy_(key);
            memory.Value.copy_(value);
        }
    }

    internal (Tensor Key, Tensor Value) For(CrossAttention attention)
    {
        if (kept is null)
        {
            return attention.Prepare(States);
        }

        if (!kept.TryGetValue(attention, out var prepared))
        {
            prepared = attention.Prepare(States);
            prepared = (prepared.Key.DetachFromDisposeScope(), prepared.Value.DetachFromDisposeScope());
            kept.Add(attention, prepared);
        }

        return prepared;
    }

    /// <summary>Frees the keys and values kept.</summary>
    public void Dispose()
    {
        foreach (var (key, value) in kept?.Values ?? Enumerable.Empty<(Tensor, Tensor)>())
        {
            key.Dispose();
            value.Dispose();
        }

        kept?.Clear();
    }
}
