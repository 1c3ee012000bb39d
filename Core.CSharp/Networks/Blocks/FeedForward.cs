using Recipes.Core.Kernels;
using Recipes.Core.Networks.Layers;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Blocks;

/// <summary>Four times wider and back, gated by GELU (GEGLU: Shazeer 2020, equation 6).</summary>
internal sealed class FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly Net net;

    public FeedForward(long width, Device? device, ScalarType? dtype)
        : base(nameof(FeedForward))
    {
        net = new Net(width, device, dtype);
        RegisterComponents();
    }

    /// <param name="input">[batch, n, width].</param>
    /// <returns>The same shape.</returns>
    public override Tensor forward(Tensor input)
    {
        using var gated = net.Gate.forward(input);
        return net.Narrow.forward(gated);
    }

    /// <summary>The same without the last bias, for a caller that adds it together with more.</summary>
    public Tensor Unbiased(Tensor input)
    {
        using var gated = net.Gate.forward(input);
        return net.Narrow.Unbiased(gated);
    }

    /// <summary>The last bias, [width].</summary>
    public Tensor? Bias => net.Narrow.Bias;

    /// <summary>The checkpoints number the parts; 1 is a dropout there.</summary>
    private sealed class Net : nn.Module
    {
        [ComponentName(Name = "0")]
        public readonly Geglu Gate;

        [ComponentName(Name = "2")]
        public readonly Linear Narrow;

        public Net(long width, Device? device, ScalarType? dtype)
            : base(nameof(Net))
        {
            Gate = new Geglu(width, 4 * width, device, dtype);
            Narrow = new Linear(4 * width, width, device: device, dtype: dtype);
            RegisterComponents();
        }
    }

    private sealed class Geglu : nn.Module<Tensor, Tensor>
    {
        private readonly Linear proj;

        public Geglu(long width, long inner, Device? device, ScalarType? dtype)
            : base(nameof(Geglu))
        {
            proj = new Linear(width, 2 * inner, device: device, dtype: dtype);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            if (Fused.Takes(input, proj.Weight.shape[0] / 2))
            {
                return ElementwiseKernels.Geglu(proj.Unbiased(input), proj.Bias).MoveToOuterDisposeScope();
            }

            var halves = proj.forward(input).chunk(2, -1);
            var gate = halves[1].gelu();
            return (gate.requires_grad ? gate.mul(halves[0]) : gate.mul_(halves[0])).MoveToOuterDisposeScope();
        }
    }
}
