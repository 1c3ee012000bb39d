using static TorchSharp.torch;

namespace Recipes.Core.Networks.Blocks;

/// <summary>Builds the parts of a UNet that its config describes.</summary>
internal sealed record UNetParts(UNetConfig Config, Device? Device, ScalarType? DType)
{
    /// <summary>Width of the timestep's embedding.</summary>
    public long TimeWidth => 4 * Config.BlockOutChannels[0];

    public ResnetBlock2D Resnet(long input, long output) =>
        new(input, output, TimeWidth, Config.NormNumGroups, Config.NormEps, Device, DType);

    public Transformer2DModel Transformer(int level, bool onlyCross) => new(
        new TransformerShape(
            Config.BlockOutChannels[level],
            Config.CrossAttentionDim,
            Config.Levels(Config.AttentionHeads)[level],
            Config.Levels(Config.TransformerLayersPerBlock)[level],
            onlyCross,
            Config.UseLinearProjection,
            Config.NormNumGroups),
        Device,
        DType);
}
