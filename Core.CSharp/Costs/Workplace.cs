using Recipes.Core.Training;
using Recipes.Core.Weights;

namespace Recipes.Core.Costs;

/// <summary>Where a model works, at which size and in which type: what training and drawing have in common.</summary>
public sealed record Workplace
{
    private const long Mebibyte = 1L << 20;

    /// <summary>Linear maps and convolutions of the UNet.</summary>
    public required IReadOnlyList<LayerInfo> UNet { get; init; }

    /// <summary>Numbers of all networks that are held.</summary>
    public required long Parameters { get; init; }

    /// <summary>Height of the latents.</summary>
    public required long Height { get; init; }

    /// <summary>Width of the latents.</summary>
    public required long Width { get; init; }

    /// <summary>The type of the networks.</summary>
    public required Precision Precision { get; init; }

    /// <summary>Whether on a CUDA device rather than the CPU.</summary>
    public required bool Cuda { get; init; }

    /// <summary>Tokens of a text.</summary>
    public long Tokens { get; init; } = 77;

    /// <summary>Bytes of a number of the networks.</summary>
    public long Each => Precision == Precision.BFloat16 ? 2 : 4;

    /// <summary>
    /// Workspaces of cuBLAS and cuDNN and what the allocator rounds up, 0.1 to 0.2 GiB measured on an H100; on the CPU the
    /// runtime, libtorch and the allocator's.
    /// </summary>
    public long Libraries => (Cuda ? 128 : 320) * Mebibyte;

    /// <summary>Whether this program's own kernels compute.</summary>
    public bool Fused => Cuda && Precision == Precision.BFloat16;

    /// <summary>What passes of the UNet keep.</summary>
    internal SavedActivations Activations() => new(Placement.Of(UNet), Height, Width, Tokens, Fused);
}
