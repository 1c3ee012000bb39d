using System.Security.Cryptography;
using System.Text;
using Recipes.Core.Networks.Layers;
using Recipes.Core.Weights;
using static TorchSharp.torch;

namespace Recipes.Core.Training.Caches;

/// <summary>One hash for all that a frozen network computes with.</summary>
internal static class NetworkHash
{
    /// <summary>
    /// SHA-256, in hexadecimal, over the network's settings and over each weight's name, type, shape and bytes, as they
    /// are now, wherever they were read from.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="settings">What its weights do not tell, such as its numbers of heads.</param>
    /// <exception cref="RecipesException">It has adapters, which are not among its weights.</exception>
    public static string Of(nn.Module network, string settings)
    {
        if (network.named_modules().Any(item => item.module is IAdaptable { Adapters.Count: > 0 }))
        {
            throw new RecipesException(
                "Caches",
                "a network whose results are to be kept has adapters, which are not among its weights",
                "Take the adapters off, merge them into the weights, or train without the cache.");
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(settings);
        var weights = network.named_parameters().Select(item => (item.name, value: (Tensor)item.parameter))
            .Concat(network.named_buffers().Select(item => (item.name, value: item.buffer)));
        foreach (var (name, value) in weights.OrderBy(item => item.name, StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            Append($"{name} {value.dtype} {string.Join(',', value.shape)}");
            TensorIO.EachPiece(value.detach().cpu().contiguous(), (_, piece) => hash.AppendData(piece));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Append(string text) => hash.AppendData(Encoding.UTF8.GetBytes(text + '\0'));
    }
}
