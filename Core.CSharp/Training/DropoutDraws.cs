using Recipes.Core.Adapters;
using static TorchSharp.torch;

namespace Recipes.Core.Training;

/// <summary>Sets the adapters' dropout for each pass, by its number.</summary>
/// <param name="adapters">The adapters; null for none.</param>
/// <param name="streams">All random numbers.</param>
/// <param name="device">Where the adapters compute.</param>
internal sealed class DropoutDraws(LoraSet? adapters, RandomStreams streams, Device device) : IDisposable
{
    private Generator? generator;

    /// <summary>Whether any adapter leaves out inputs.</summary>
    public bool Needed { get; } = adapters?.Adapters.Any(adapter => adapter.Dropout > 0) ?? false;

    /// <summary>Before a pass.</summary>
    public void Begin(long number)
    {
        generator?.Dispose();
        generator = streams.Generator(RandomStreams.Dropout, number, device);
        adapters?.DrawDropoutFrom(generator);
    }

    /// <summary>Leaves nothing out until the next pass begins.</summary>
    public void Pause() => adapters?.DrawDropoutFrom(null);

    /// <inheritdoc/>
    public void Dispose()
    {
        Pause();
        generator?.Dispose();
    }
}
