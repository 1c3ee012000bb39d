using Recipes.Core.Adapters;
using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>What the adapters leave out in each pass, by its number.</summary>
/// <param name="adapters">The adapters; null for none.</param>
/// <param name="streams">All random numbers.</param>
/// <param name="device">Where the adapters compute.</param>
internal sealed class DropoutDraws(LoraSet? adapters, RandomStreams streams, Device device) : IDisposable
{
    /// <summary>Whether any adapter leaves out inputs.</summary>
    public bool Needed { get; } = adapters?.Adapters.Any(adapter => adapter.Dropout > 0) ?? false;

    /// <summary>The key of a pass, one int64 on the device; null where none is needed.</summary>
    public Tensor? Key(long number) => Needed
        ? HostTensors.Send(
            tensor(new[] { unchecked((long)streams.Seed(RandomStreams.Dropout, number)) }, dtype: ScalarType.Int64), device)
        : null;

    /// <summary>Before a pass, and before its text where that is encoded first.</summary>
    /// <param name="key">The pass's.</param>
    public void Begin(Tensor? key) => adapters?.DropBy(key);

    /// <summary>Leaves nothing out until the next pass begins.</summary>
    public void Pause() => adapters?.DropBy(null);

    /// <inheritdoc/>
    public void Dispose() => Pause();
}
