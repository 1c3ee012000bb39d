using Recipes.Core.Native;
using static TorchSharp.torch;

namespace Recipes.Core.Kernels;

/// <summary>
/// A linear map with a low-rank adapter, y = x Wᵀ + b + factor · (x Aᵀ) Bᵀ, whose sums are taken into the matrix
/// products in both directions, where the elementary operations would each write them out.
/// </summary>
internal static class LoraLinear
{
    /// <summary>The map's output, [.., out].</summary>
    /// <param name="x">[.., in].</param>
    /// <param name="weight">W, [out, in]; frozen or trained.</param>
    /// <param name="bias">b, [out], or null.</param>
    /// <param name="down">A, [rank, in].</param>
    /// <param name="up">B, [out, rank].</param>
    /// <param name="factor">Of the adapter's part.</param>
    /// <param name="drop">Leaves out some of the adapter's input, the same whenever it is asked; null for nothing.</param>
    public static Tensor Apply(
        Tensor x, Tensor weight, Tensor? bias, Tensor down, Tensor up, double factor, Func<Tensor, Tensor>? drop = null)
    {
        using var scope = NewDisposeScope();
        var rows = x.reshape(-1, x.shape[^1]);
        Tensor kept;
        Tensor hidden;
        Tensor y;
        using (no_grad())
        {
            kept = drop is null ? rows : drop(rows);
            hidden = nn.functional.linear(kept, down);
            y = nn.functional.linear(rows, weight, bias);
            y.addmm_(hidden, up.t(), 1, (float)factor);
            y = y.view([.. x.shape[..^1], weight.shape[0]]);
        }

        Tensor?[] all = [rows, weight, bias, down, up];
        if (CustomGradient.Needed(all))
        {
            var needed = all.Select(input => input is not null && input.requires_grad).ToArray();
            Tensor?[] saved =
            [
                CustomGradient.Save(rows),
                CustomGradient.Save(weight),
                CustomGradient.Save(down),
                CustomGradient.Save(up),
                CustomGradient.Save(hidden),
                CustomGradient.Save(kept),
            ];
            CustomGradient.Attach(
                [.. all.Where((_, index) => needed[index]).Select(input => input!)],
                [y],
                saved,
                gradients => Backward(saved, gradients[0]!, factor, needed, drop));
        }

        return y.MoveToOuterDisposeScope();
    }

    private static Tensor?[] Backward(Tensor?[] saved, Tensor gradient, double factor, bool[] needed, Func<Tensor, Tensor>? drop)
    {
        using var scope = NewDisposeScope();
        var (x, weight, down, up, hidden) = (saved[0]!, saved[1]!, saved[2]!, saved[3]!, saved[4]!);
        var dy = gradient.reshape(-1, weight.shape[0]);
        var inner = dy.mm(up);
        if (factor != 1)
        {
            inner.mul_(factor);
        }

        var results = new List<Tensor>();
        Add(0, () => drop is null ? dy.mm(weight).addmm_(inner, down) : dy.mm(weight).add_(drop(inner.mm(down))));
        Add(1, () => dy.t().mm(x));
        Add(2, () => dy.sum(0, type: ScalarType.Float32).to_type(dy.dtype));
        Add(3, () => inner.t().mm(saved[5]!));
        Add(4, () => factor == 1 ? dy.t().mm(hidden) : dy.t().mm(hidden).mul_(factor));
        return [.. results.Select(result => result.DetachFromDisposeScope())];

        void Add(int index, Func<Tensor> make)
        {
            if (needed[index])
            {
                results.Add(make());
            }
        }
    }
}
