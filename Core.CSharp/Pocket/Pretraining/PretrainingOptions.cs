using static TorchSharp.torch;

namespace Recipes.Core.Pocket.Pretraining;

/// <summary>What pretraining starts from.</summary>
public sealed record PretrainingOptions
{
    /// <summary>The icon pack that <see cref="IconSet"/> wrote.</summary>
    public required string Icons { get; init; }

    /// <summary>Folder of the tokenizer.</summary>
    public required string Tokenizer { get; init; }

    /// <summary>Folder of the CLIP's preprocessor_config.json.</summary>
    public required string Processor { get; init; }

    /// <summary>Where to compute.</summary>
    public required Device Device { get; init; }

    /// <summary>Training scenes to compose.</summary>
    public int Scenes { get; init; } = 200_000;

    /// <summary>Which scenes.</summary>
    public int Seed { get; init; } = 1;
}
