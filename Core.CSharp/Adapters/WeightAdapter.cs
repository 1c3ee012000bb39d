using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Adapters;

/// <summary>An adapter that amounts to a change of its layer's weight, and so can be merged into it.</summary>
public abstract class WeightAdapter : IAdapter, IDisposable
{
    /// <param name="component">The network's name in a pipeline: unet, text_encoder, text_encoder_2.</param>
    /// <param name="path">The layer's name in that network.</param>
    /// <param name="layer">The layer.</param>
    protected WeightAdapter(string component, string path, IAdaptable layer)
    {
        Component = component;
        Path = path;
        Layer = layer;
    }

    /// <summary>The network's name in a pipeline.</summary>
    public string Component { get; }

    /// <summary>The layer's name in that network.</summary>
    public string Path { get; }

    /// <summary>Component and path: unique in a set.</summary>
    public string Name => $"{Component}.{Path}";

    /// <summary>The layer it sits on.</summary>
    public IAdaptable Layer { get; }

    /// <summary>The user's strength: 1 as trained, 0 for none.</summary>
    public double Scale { get; set; } = 1;

    /// <inheritdoc/>
    public abstract Tensor Apply(IAdaptable layer, Tensor input, Tensor own, Tensor output);

    /// <summary>
    /// What the adapter adds to the layer's weight at its scale, in float32, shaped like the weight.
    /// </summary>
    public abstract Tensor Delta();

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        Layer.Adapters.Remove(this);
        GC.SuppressFinalize(this);
    }
}
