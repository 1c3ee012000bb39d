using Recipes.Core.Native;
using Recipes.Core.Networks.Blocks;
using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>Gets networks ready for this project's kernels.</summary>
public static class FusedNetworks
{
    /// <summary>
    /// Lays out the convolutions of a bfloat16 network on a CUDA device channels-last, and frozen weights of attentions
    /// that read the same one behind the other, in place and without a change of any value, and lets cuDNN choose its
    /// fastest algorithms. Again after adapters were attached, it lays those out too.
    /// </summary>
    /// <returns>
    /// False, and nothing done, where kernels are not used: another type or device, or none available.
    /// </returns>
    public static bool Prepare(nn.Module network)
    {
        var first = network.parameters().FirstOrDefault();
        if (first is null || !Fused.Takes(first, 8))
        {
            return false;
        }

        CudaTuning.BenchmarkConvolutions();
        CudaTuning.PreferCudnnAttention();
        using var gradients = no_grad();
        foreach (var convolution in network.modules().OfType<Conv2d>())
        {
            var weight = convolution.Weight;
            if (!ChannelsLast.Is(weight))
            {
                using var laid = ChannelsLast.Of(weight);
                weight.set_(laid);
            }
        }

        foreach (var attention in network.modules().OfType<CrossAttention>())
        {
            attention.Merge();
        }

        return true;
    }
}
