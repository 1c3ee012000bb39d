using Recipes.Core.Training;

namespace Recipes.Core.Costs;

/// <summary>The most memory that a training holds, estimated from shapes before anything is loaded.</summary>
public sealed record TrainingMemory
{
    /// <summary>The model, the sizes and the types.</summary>
    public required Workplace Place { get; init; }

    /// <summary>Pictures of a pass, class pictures included.</summary>
    public required long Pictures { get; init; }

    /// <summary>Names of the UNet's layers that are trained or carry an adapter.</summary>
    public required IReadOnlySet<string> Trained { get; init; }

    /// <summary>Numbers that are trained.</summary>
    public required long Parameters { get; init; }

    /// <summary>Whether they are beside the networks' own, as adapters are.</summary>
    public required bool Beside { get; init; }

    /// <summary>Whether what is trained has the networks' type, with float32 masters where that is narrower.</summary>
    public bool Narrow => Place.Precision != Precision.Float32;

    /// <summary>Bytes that the optimiser remembers of each number.</summary>
    public long MomentBytes { get; init; } = 8;

    /// <summary>Whether gradients are also kept in float32, as plain AdamW does with narrower ones.</summary>
    public bool WideGradients { get; init; }

    /// <summary>Whether a running average is kept.</summary>
    public bool Averaged { get; init; }

    /// <summary>Whether resnets and transformers are run again for their gradients.</summary>
    public bool Checkpointing { get; init; }

    /// <summary>The estimate.</summary>
    public MemoryParts Estimate()
    {
        var activations = Place.Activations();
        var largest = activations.Largest(Trained);
        return new MemoryParts(
            Weights: Place.Each * Place.Parameters,
            Trained: Parameters * ((Beside ? Place.Each : 0) + (Narrow ? 4 : 0) + (Averaged ? 4 : 0)),
            Gradients: Parameters * (Place.Each + (WideGradients && Narrow ? 4 : 0)),
            Moments: Parameters * MomentBytes,
            Activations: Place.Each * Pictures * activations.Count(Trained, Checkpointing),
            Working: Place.Each * Pictures * largest * (Checkpointing ? 2 : 1),
            Libraries: Place.Libraries);
    }
}
