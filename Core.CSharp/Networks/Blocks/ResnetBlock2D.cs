using Recipes.Core.Kernels;
using Recipes.Core.Networks.Layers;
using static TorchSharp.torch;

namespace Recipes.Core.Networks.Blocks;

/// <summary>
/// Two normalised, activated 3x3 convolutions around which the input is added; between them the timestep's
/// embedding is added where there is one.
/// </summary>
internal sealed class ResnetBlock2D : nn.Module
{
    private readonly GroupNorm norm1;
    private readonly Conv2d conv1;
    private readonly Linear? time_emb_proj;
    private readonly GroupNorm norm2;
    private readonly Conv2d conv2;
    private readonly Conv2d? conv_shortcut;

    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="outChannels">
    /// Channels of the output; a 1x1 convolution fits the input to them if they differ.
    /// </param>
    /// <param name="timeWidth">Width of the timestep's embedding, or null for none.</param>
    /// <param name="groups">Groups of both norms.</param>
    /// <param name="eps">Of both norms.</param>
    /// <param name="device">Where the weights lie.</param>
    /// <param name="dtype">Type of the weights.</param>
    public ResnetBlock2D(
        long inChannels, long outChannels, long? timeWidth, long groups, double eps, Device? device, ScalarType? dtype)
        : base(nameof(ResnetBlock2D))
    {
        norm1 = new GroupNorm(groups, inChannels, eps, device, dtype);
        conv1 = new Conv2d(inChannels, outChannels, 3, padding: 1, device: device, dtype: dtype);
        time_emb_proj = timeWidth is { } width ? new Linear(width, outChannels, device: device, dtype: dtype) : null;
        norm2 = new GroupNorm(groups, outChannels, eps, device, dtype);
        conv2 = new Conv2d(outChannels, outChannels, 3, padding: 1, device: device, dtype: dtype);
        conv_shortcut = inChannels == outChannels
            ? null
            : new Conv2d(inChannels, outChannels, 1, device: device, dtype: dtype);
        RegisterComponents();
    }

    /// <param name="input">[batch, in, height, width].</param>
    /// <param name="time">SiLU of the timestep's embedding, [batch, width], where the block has a map for it.</param>
    public Tensor forward(Tensor input, Tensor? time = null)
    {
        using var scope = NewDisposeScope();
        if (GroupNormKernel.Takes(input, input.shape[1]) && GroupNormKernel.Takes(input, conv1.Weight.shape[0]))
        {
            return Fuse(input, time).MoveToOuterDisposeScope();
        }

        var hidden = norm1.Activated(input).Then(conv1.forward);
        if (time_emb_proj is not null && time is not null)
        {
            var shift = time_emb_proj.forward(time);
            hidden.add_(shift.unsqueeze(-1).unsqueeze(-1));
        }

        hidden = hidden.Then(norm2.Activated).Then(conv2.forward);
        hidden.add_(conv_shortcut is null ? input : conv_shortcut.forward(input));
        return hidden.MoveToOuterDisposeScope();
    }

    /// <summary>The same as a part of a UNet's pass, recomputed where that is asked for.</summary>
    public Tensor Within(Tensor input, Tensor time, TextContext context) =>
        context.Recompute ? Recomputed.Run(given => forward(given[0], given[1]), input, time) : forward(input, time);

    /// <summary>Channels-last, with every addition taken into the kernel next to it.</summary>
    private Tensor Fuse(Tensor input, Tensor? time)
    {
        var pictures = ChannelsLast.Of(input);
        var hidden = norm1.Activated(pictures).Then(conv1.Unbiased);
        var shift = time_emb_proj is not null && time is not null ? time_emb_proj.forward(time) : null;
        hidden = hidden.Then(pixels => norm2.ActivatedSum(pixels, conv1.Bias, shift)).Then(conv2.Unbiased);
        var width = conv2.Weight.shape[0];
        return conv_shortcut is null
            ? ElementwiseKernels.AddBias(pictures, ChannelsLast.Of(hidden), null, conv2.Bias, null, width)
            : ElementwiseKernels.AddBias(
                ChannelsLast.Of(conv_shortcut.Unbiased(pictures)),
                ChannelsLast.Of(hidden),
                null,
                conv2.Bias,
                conv_shortcut.Bias,
                width);
    }
}
