using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>
/// Scaled dot-product attention of several heads: softmax(QKᵀ/√d)V (Vaswani et al. 2017, equation 1).
/// </summary>
internal static class Attention
{
    /// <summary>[batch, n, heads · d] to [batch, heads, n, d], without a copy.</summary>
    public static Tensor Split(Tensor states, long heads)
    {
        var shape = states.shape;
        using var split = states.view(shape[0], shape[1], heads, shape[2] / heads);
        return split.transpose(1, 2);
    }

    /// <summary>The heads' answers side by side, [batch, n, heads · d].</summary>
    /// <param name="query">[batch, heads, n, d].</param>
    /// <param name="key">[batch, heads, m, d].</param>
    /// <param name="value">[batch, heads, m, d].</param>
    /// <param name="causal">Whether each position sees only itself and those before it.</param>
    public static Tensor Attend(Tensor query, Tensor key, Tensor value, bool causal = false)
    {
        var shape = query.shape;
        using var heads = nn.functional.scaled_dot_product_attention(query, key, value, is_casual: causal);
        using var rows = heads.transpose(1, 2);
        return rows.reshape(shape[0], shape[2], shape[1] * shape[3]);
    }
}
