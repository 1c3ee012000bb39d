using static TorchSharp.torch;

namespace Recipes.Core.Pocket.Pretraining;

/// <summary>A network's weights in float16 on the CPU, as the embedded model ships them.</summary>
public sealed class HalfWeights : IDisposable
{
    /// <param name="weights">By checkpoint key, in the order of the network's parameters; copied.</param>
    public HalfWeights(IEnumerable<KeyValuePair<string, Tensor>> weights)
    {
        using var _ = no_grad();
        Tensors = [.. weights.Select(item => new KeyValuePair<string, Tensor>(
            item.Key,
            item.Value.detach().to(ScalarType.Float16, copy: true).cpu().DetachFromDisposeScope()))];
    }

    /// <summary>By checkpoint key.</summary>
    public IReadOnlyList<KeyValuePair<string, Tensor>> Tensors { get; }

    /// <summary>Puts them into a network of the same shape, so that measures see what is shipped.</summary>
    public void CopyTo(nn.Module network)
    {
        using var _ = no_grad();
        foreach (var ((_, parameter), (_, kept)) in network.named_parameters().Zip(Tensors))
        {
            parameter.copy_(kept);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, tensor) in Tensors)
        {
            tensor.Dispose();
        }
    }
}
