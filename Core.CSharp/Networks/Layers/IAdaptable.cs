using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>What an adapter adds to the output of the layer it sits on (LoRA, DoRA, ...).</summary>
public interface IAdapter
{
    /// <summary>The layer's output with the adapter applied.</summary>
    /// <param name="layer">The layer, its frozen weight included.</param>
    /// <param name="input">What the layer was given.</param>
    /// <param name="own">What the layer alone makes of it, its bias included.</param>
    /// <param name="output">The same with the adapters before this one applied.</param>
    Tensor Apply(IAdaptable layer, Tensor input, Tensor own, Tensor output);
}

/// <summary>A layer that adapters can sit on: a linear map or a convolution.</summary>
public interface IAdaptable
{
    /// <summary>The layer's own weight: [out, in] or [out, in, height, width].</summary>
    Tensor Weight { get; }

    /// <summary>The layer's own bias, [out], where it has one.</summary>
    Tensor? Bias { get; }

    /// <summary>
    /// The adapters, applied in order. A list, so that TorchSharp does not register them
    /// and the base's state dictionary stays what the checkpoint says.
    /// </summary>
    IList<IAdapter> Adapters { get; }

    /// <summary>The same kind of map as this layer's, with another weight and no bias.</summary>
    /// <param name="input">[.., in] or [batch, in, height, width].</param>
    /// <param name="weight">Shaped like <see cref="Weight"/>, up to the number of outputs.</param>
    Tensor Map(Tensor input, Tensor weight);
}
