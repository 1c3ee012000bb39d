using Recipes.Core.Networks;

namespace Recipes.Core.Weights.Original;

/// <summary>The config of an autoencoder from its keys and shapes, and from the model it belongs to.</summary>
internal static class VaeShape
{
    /// <param name="header">The checkpoint.</param>
    /// <param name="prefix">What stands before the autoencoder's keys.</param>
    /// <param name="scaling">The latents' factor, which no shape tells.</param>
    public static VaeConfig Read(CheckpointHeader header, string prefix, double scaling)
    {
        var levels = header.Count($"{prefix}encoder.down.");
        long[] widths =
        [
            .. Enumerable.Range(0, levels).Select(level => header.Shape(
                1,
                $"{prefix}encoder.down.{level}.block.0.conv2.weight",
                $"{prefix}encoder.down.{level}.block.0.conv1.weight")[0]),
        ];
        return new VaeConfig
        {
            Where = header.Path,
            InChannels = header.Shape(4, $"{prefix}encoder.conv_in.weight")[1],
            OutChannels = header.Shape(4, $"{prefix}decoder.conv_out.weight")[0],
            LatentChannels = header.Shape(4, $"{prefix}decoder.conv_in.weight")[1],
            BlockOutChannels = widths,
            LayersPerBlock = Math.Max(1, header.Count($"{prefix}encoder.down.0.block.")),
            NormNumGroups = UNetShape.Divisor(32, widths),
            ScalingFactor = scaling,
            UseQuantConv = header.Any($"{prefix}quant_conv."),
            UsePostQuantConv = header.Any($"{prefix}post_quant_conv."),
            MidBlockAddAttention = header.Any($"{prefix}encoder.mid.attn_1."),
        };
    }
}
