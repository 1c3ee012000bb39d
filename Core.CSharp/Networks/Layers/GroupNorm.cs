using Recipes.Core.Kernels;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Layers;

/// <summary>Group normalisation of [batch, channels, ..] with a scale and shift for each channel.</summary>
public sealed class GroupNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter weight;
    private readonly Parameter bias;
    private readonly long groups;
    private readonly double eps;

    /// <param name="groups">Groups of channels that are normalised together.</param>
    /// <param name="channels">A multiple of the groups.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="device">Where the weights lie.</param>
    /// <param name="dtype">Float32 by default.</param>
    public GroupNorm(long groups, long channels, double eps, Device? device = null, ScalarType? dtype = null)
        : base(nameof(GroupNorm))
    {
        this.groups = groups;
        this.eps = eps;
        weight = new Parameter(ones(channels, device: device, dtype: dtype));
        bias = new Parameter(zeros(channels, device: device, dtype: dtype));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input) => GroupNormKernel.Takes(input, weight.shape[0])
        ? GroupNormKernel.Apply(input, weight, bias, groups, eps, activate: false)
        : nn.functional.group_norm(input, groups, weight, bias, eps);

    /// <summary>
    /// SiLU(norm(x)); in place on the fresh norm when no gradient is asked for, which spares a buffer.
    /// </summary>
    public Tensor Activated(Tensor input)
    {
        if (GroupNormKernel.Takes(input, weight.shape[0]))
        {
            return GroupNormKernel.Apply(input, weight, bias, groups, eps, activate: true);
        }

        var output = forward(input);
        if (!output.requires_grad)
        {
            return output.silu_();
        }

        using (output)
        {
            return output.silu();
        }
    }

    /// <summary>SiLU(norm(x + bias + shift)).</summary>
    /// <param name="input">[batch, channels, height, width].</param>
    /// <param name="channelBias">[channels], or null.</param>
    /// <param name="shift">[batch, channels], or null.</param>
    public Tensor ActivatedSum(Tensor input, Tensor? channelBias, Tensor? shift)
    {
        if (GroupNormKernel.Takes(input, weight.shape[0]))
        {
            return GroupNormKernel.Apply(input, weight, bias, groups, eps, activate: true, channelBias, shift);
        }

        using var scope = NewDisposeScope();
        var sum = channelBias is null ? input : input.add(channelBias.reshape(1, -1, 1, 1));
        sum = shift is null ? sum : sum.add(shift.unsqueeze(-1).unsqueeze(-1));
        return Activated(sum).MoveToOuterDisposeScope();
    }
}
