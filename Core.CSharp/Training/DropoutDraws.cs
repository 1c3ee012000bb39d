using Recipes.Core.Adapters;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>What the adapters leave out in each pass, by its batch's key.</summary>
/// <param name="adapters">The adapters; null for none.</param>
internal sealed class DropoutDraws(LoraSet? adapters) : IDisposable
{
    /// <summary>Whether any adapter leaves out inputs.</summary>
    public bool Needed { get; } = adapters?.Adapters.Any(adapter => adapter.Dropout > 0) ?? false;

    /// <summary>Before a pass, and before its text where that is encoded first.</summary>
    /// <param name="key">The batch's.</param>
    public void Begin(Tensor? key) => adapters?.DropBy(key);

    /// <summary>Leaves nothing out until the next pass begins.</summary>
    public void Pause() => adapters?.DropBy(null);

    /// <inheritdoc/>
    public void Dispose() => Pause();
}
