using static TorchSharp.torch;

namespace Recipes.Core.Adapters.Merging;

/// <summary>A subject that was learned by itself, in the maps that read the text.</summary>
public sealed record TunedSubject
{
    /// <summary>What prompts call it, with its token and noun: sks robot.</summary>
    public required string Words { get; init; }

    /// <summary>The tuned weights by layer: PATH to [out, in].</summary>
    public required IReadOnlyDictionary<string, Tensor> Weights { get; init; }

    /// <summary>Prompts that name it, the one it was learned with among them.</summary>
    public required IReadOnlyList<string> Prompts { get; init; }

    /// <summary>How much of its change is wanted, 1 for all.</summary>
    public double Weight { get; init; } = 1;
}
