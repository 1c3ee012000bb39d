using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Blocks;

/// <summary>Builds the parts of an autoencoder that its config describes.</summary>
internal sealed record VaeParts(VaeConfig Config, Device? Device, ScalarType? DType)
{
    /// <summary>Of every norm in the autoencoder.</summary>
    public const double NormEps = 1e-6;

    public ResnetBlock2D Resnet(long input, long output) =>
        new(input, output, null, Config.NormNumGroups, NormEps, Device, DType);

    public GroupNorm Norm(long width) => new(Config.NormNumGroups, width, NormEps, Device, DType);

    public Conv2d Conv(long input, long output) => new(input, output, 3, padding: 1, device: Device, dtype: DType);
}
