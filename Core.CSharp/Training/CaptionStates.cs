using Recipes.Core.Native;
using Recipes.Core.Pipelines;
using Recipes.Core.Training.Caches;
using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>
/// The text encoders' states of a training's captions, by the captions' numbers: computed once where nothing in them is
/// trained, else anew at each pass and of those alone that the pass needs.
/// </summary>
internal sealed class CaptionStates : IDisposable
{
    private readonly StableDiffusionModel model;
    private readonly Tensor[] ids;
    private readonly (Tensor States, Tensor? Pooled)? kept;
    private readonly bool trained;

    /// <param name="model">The model, its new tokens and adapters on it.</param>
    /// <param name="captions">Each caption once.</param>
    /// <param name="trained">Whether the states change while training.</param>
    /// <param name="store">Where states that do not change are kept for other runs; null for none.</param>
    public CaptionStates(
        StableDiffusionModel model, IReadOnlyList<string> captions, bool trained, TextStore? store = null)
    {
        this.model = model;
        Captions = captions;
        this.trained = trained;
        ids =
        [
            .. model.Tokenizers.Select((tokenizer, tower) => tensor(
                [.. captions.SelectMany(caption => tokenizer.Encode(caption)).Select(id => (long)id)],
                [captions.Count, tokenizer.MaxLength],
                dtype: ScalarType.Int64,
                device: model.TextEncoders[tower].Device).DetachFromDisposeScope()),
        ];
        if (!trained)
        {
            using var _ = no_grad();
            using var scope = NewDisposeScope();
            // One at a time, so that a state has the same bits whatever others are computed or kept.
            var parts = captions
                .Select((caption, row) => store?.Get(caption, () => Compute([row])) ?? Compute([row]))
                .ToList();
            kept = (
                cat([.. parts.Select(part => part.States)], 0).DetachFromDisposeScope(),
                parts[0].Pooled is null
                    ? null
                    : cat([.. parts.Select(part => part.Pooled!)], 0).DetachFromDisposeScope());
        }
    }

    /// <summary>
    /// Whether passes are given token ids and encode them themselves, so that a recorded step has the text encoders in
    /// it: where these are trained on a CUDA device. Elsewhere a caption is encoded once for all rows that have it.
    /// </summary>
    public bool WithinPass => trained && ids[0].device_type == DeviceType.CUDA;

    /// <summary>Each caption once.</summary>
    public IReadOnlyList<string> Captions { get; }

    /// <summary>States, [rows, tokens, width], and pooled states of SDXL, [rows, width], of these captions.</summary>
    public (Tensor States, Tensor? Pooled) For(long[] rows)
    {
        using var scope = NewDisposeScope();
        long[] distinct = [.. rows.Distinct().Order()];
        var (states, pooled) = kept ?? Compute(distinct);
        var places = kept is null ? [.. rows.Select(row => (long)Array.IndexOf(distinct, row))] : rows;
        var index = HostTensors.Send(tensor(places, dtype: ScalarType.Int64), states.device);
        return (
            states.index_select(0, index).MoveToOuterDisposeScope(),
            pooled?.index_select(0, index).MoveToOuterDisposeScope());
    }

    /// <summary>The ids of these captions' tokens by text encoder, [rows, encoders, tokens], int64.</summary>
    /// <remarks>Only where all text encoders take as many tokens, as they do in the published models.</remarks>
    public Tensor Ids(long[] rows)
    {
        using var scope = NewDisposeScope();
        var index = HostTensors.Send(tensor(rows, dtype: ScalarType.Int64), ids[0].device);
        return stack([.. ids.Select(tower => tower.index_select(0, index))], 1).MoveToOuterDisposeScope();
    }

    /// <summary>States and pooled states of token ids from <see cref="Ids"/>, as <see cref="For"/> gives them.</summary>
    public (Tensor States, Tensor? Pooled) Encode(Tensor given) =>
        Outputs([.. ids.Select((_, tower) => given.select(1, tower))]);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tower in ids)
        {
            tower.Dispose();
        }

        kept?.States.Dispose();
        kept?.Pooled?.Dispose();
    }

    private (Tensor States, Tensor? Pooled) Compute(long[] rows)
    {
        return Outputs([.. ids.Select(tower => tower.index_select(0, tensor(rows, device: tower.device)))]);
    }

    private (Tensor States, Tensor? Pooled) Outputs(IReadOnlyList<Tensor> given)
    {
        var towers = model.TextEncoders.Select((tower, index) => tower.forward(given[index])).ToList();

        // SDXL was trained with the states before the last layer, and without the last norm.
        return model.IsXL
            ? (cat([.. towers.Select(output => output.HiddenStates[^2])], -1), towers[^1].Projected)
            : (towers[0].LastHiddenState, null);
    }
}
