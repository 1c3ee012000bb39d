using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Costs;

/// <summary>The layers of a network that is built, on whatever device.</summary>
public static class NetworkLayers
{
    /// <summary>Its linear maps and convolutions, as <see cref="ModelFolder"/> tells those of files.</summary>
    /// <param name="network">A UNet, ControlNet or autoencoder; the meta device is enough.</param>
    /// <param name="component">Its name in a pipeline.</param>
    public static IReadOnlyList<LayerInfo> Of(nn.Module network, string component)
    {
        var tensors = network.named_parameters()
            .Select(item => new TensorInfo(item.name, DType.F32, item.parameter.shape, 0, 4 * item.parameter.numel()))
            .ToList();
        var names = tensors.Select(tensor => tensor.Name).ToHashSet();
        return [.. tensors.Select(tensor => LayerInfo.Of(component, tensor, names)).OfType<LayerInfo>()];
    }

    /// <summary>Its numbers.</summary>
    public static long Parameters(nn.Module network) => network.parameters().Sum(parameter => parameter.numel());
}
