using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>
/// Steps that free what they were given, so that large intermediate tensors do not wait for their scope.
/// </summary>
internal static class TensorChain
{
    /// <summary>Maps a tensor and frees it. The gradient's own references to it stay valid.</summary>
    public static Tensor Then(this Tensor input, Func<Tensor, Tensor> map)
    {
        using (input)
        {
            return map(input);
        }
    }
}
