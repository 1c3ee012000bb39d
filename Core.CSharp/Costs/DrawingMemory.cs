using Recipes.Core.Weights;

namespace Recipes.Core.Costs;

/// <summary>The most memory that drawing holds, estimated from shapes before anything is loaded.</summary>
public sealed record DrawingMemory
{
    /// <summary>The model, the sizes and the types.</summary>
    public required Workplace Place { get; init; }

    /// <summary>Linear maps and convolutions of the autoencoder.</summary>
    public required IReadOnlyList<LayerInfo> Vae { get; init; }

    /// <summary>Rows of a pass: pictures drawn together, twice with guidance.</summary>
    public required long Rows { get; init; }

    /// <summary>Pixels of a latent along each side.</summary>
    public required long Factor { get; init; }

    /// <summary>
    /// The estimate. Pictures are decoded one by one after the last pass, whose memory a recording on a CUDA device
    /// still holds.
    /// </summary>
    public MemoryParts Estimate()
    {
        var passing = Place.Each * Rows * Place.Activations().Passing();
        var decoding = Place.Each * Decoding();
        return new MemoryParts(
            Weights: Place.Each * Place.Parameters,
            Trained: 0,
            Gradients: 0,
            Moments: 0,
            Activations: passing,
            Working: Place.Cuda ? decoding : Math.Max(0, decoding - passing),
            Libraries: Place.Libraries);
    }

    /// <summary>
    /// Numbers that decoding one picture holds at once: the input of its largest resnet, that normalised, and what the
    /// convolution makes of it.
    /// </summary>
    private long Decoding() => Placement
        .Of(Vae.Where(layer => layer.Name.StartsWith("decoder.", StringComparison.Ordinal)))
        .Where(layer => layer.Layer.Name.EndsWith(".conv1", StringComparison.Ordinal))
        .Select(layer => PlacedLayer.Pixels(Factor * Place.Height, Factor * Place.Width, layer.Level)
            * ((2 * layer.Layer.In) + layer.Layer.Out))
        .DefaultIfEmpty(0)
        .Max();
}
