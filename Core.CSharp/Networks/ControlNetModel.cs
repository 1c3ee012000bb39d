using Recipes.Core.Networks.Blocks;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Conv2d = Recipes.Core.Networks.Layers.Conv2d;
using Embedding = Recipes.Core.Networks.Layers.Embedding;

namespace Recipes.Core.Networks;

/// <summary>
/// A copy of a UNet's way down that is also shown a picture, and whose outputs are added to the UNet's own through
/// 1x1 convolutions that start at zero (Zhang et al. 2023, "Adding Conditional Control to Text-to-Image Diffusion
/// Models", equation 2). Its parameters are named as in diffusers checkpoints.
/// </summary>
public sealed class ControlNetModel : nn.Module
{
    private readonly Conv2d conv_in;
    private readonly TimestepEmbedding time_embedding;
    private readonly Embedding? class_embedding;
    private readonly TimestepEmbedding? add_embedding;
    private readonly ConditioningEmbedding controlnet_cond_embedding;
    private readonly ModuleList<UNetDownBlock> down_blocks;
    private readonly ModuleList<Conv2d> controlnet_down_blocks = [];
    private readonly UNetMidBlock mid_block;
    private readonly Conv2d controlnet_mid_block;
    private readonly UNetInputs inputs;

    /// <param name="config">The shape.</param>
    /// <param name="device">The CPU by default; meta for shapes alone.</param>
    /// <param name="dtype">Float32 by default.</param>
    /// <exception cref="RecipesException">The config contradicts itself.</exception>
    public ControlNetModel(ControlNetConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(ControlNetModel))
    {
        config.Check();
        Config = config;
        var encoder = config.Encoder;
        var parts = new UNetParts(encoder, device, dtype);
        var widths = encoder.BlockOutChannels;
        conv_in = new Conv2d(encoder.InChannels, widths[0], 3, padding: 1, device: device, dtype: dtype);
        time_embedding = new TimestepEmbedding(widths[0], parts.TimeWidth, device, dtype);
        class_embedding = encoder.NumClassEmbeds is { } labels
            ? new Embedding(labels, parts.TimeWidth, device, dtype)
            : null;
        add_embedding = encoder.ProjectionClassEmbeddingsInputDim is { } added
            ? new TimestepEmbedding(added, parts.TimeWidth, device, dtype)
            : null;
        controlnet_cond_embedding = new ConditioningEmbedding(config, device, dtype);
        down_blocks = [.. Enumerable.Range(0, widths.Count).Select(level => new UNetDownBlock(parts, level))];
        foreach (var width in SkipWidths(encoder))
        {
            controlnet_down_blocks.Add(new Conv2d(width, width, 1, device: device, dtype: dtype));
        }

        mid_block = new UNetMidBlock(parts);
        controlnet_mid_block = new Conv2d(widths[^1], widths[^1], 1, device: device, dtype: dtype);
        inputs = new UNetInputs(encoder, time_embedding, class_embedding, add_embedding);
        RegisterComponents();
    }

    /// <summary>The shape it was built with.</summary>
    public ControlNetConfig Config { get; }

    /// <summary>The type of its weights and its output.</summary>
    public ScalarType DType => conv_in.Weight.dtype;

    /// <summary>Where its weights lie.</summary>
    public Device Device => conv_in.Weight.device;

    /// <param name="sample">Noisy latents, [batch, in, height, width].</param>
    /// <param name="timesteps">[batch] or [1], of any type.</param>
    /// <param name="context">The text, whose keys and values may be kept over several calls.</param>
    /// <param name="image">
    /// The control picture, [batch, channels, height × factor, width × factor] in 0 to 1.
    /// </param>
    /// <param name="conditions">What the base model is told besides.</param>
    /// <returns>Residuals in the type of the weights.</returns>
    public ControlNetResiduals forward(
        Tensor sample, Tensor timesteps, TextContext context, Tensor image, UNetConditions? conditions = null)
    {
        using var hint = Embed(image);
        return FromHint(sample, timesteps, context, hint, conditions);
    }

    /// <summary>
    /// The features of a control picture. They depend neither on the timestep nor on the latents, so that one
    /// computation serves a whole way of sampling.
    /// </summary>
    /// <param name="image">[n, channels, height, width] in 0 to 1, red first.</param>
    /// <returns>[n, width of the first level, height / factor, width / factor].</returns>
    public Tensor Embed(Tensor image)
    {
        if (image.dim() != 4 || image.shape[1] != Config.ConditioningChannels)
        {
            throw new RecipesException(
                Config.Where,
                $"the control picture is [{string.Join(", ", image.shape)}], "
                    + $"not [batch, {Config.ConditioningChannels}, height, width]",
                "Give a picture with the channels its conditioning_channels ask for.");
        }

        using var scope = NewDisposeScope();
        var ordered = Config.BlueFirst ? image.flip(1) : image;
        return controlnet_cond_embedding.forward(ordered.to(DType, Device)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc cref="forward(Tensor, Tensor, TextContext, Tensor, UNetConditions?)"/>
    /// <param name="sample">Noisy latents, [batch, in, height, width].</param>
    /// <param name="timesteps">[batch] or [1], of any type.</param>
    /// <param name="context">The text.</param>
    /// <param name="hint">What <see cref="Embed"/> gave.</param>
    /// <param name="conditions">What the base model is told besides.</param>
    public ControlNetResiduals FromHint(
        Tensor sample, Tensor timesteps, TextContext context, Tensor hint, UNetConditions? conditions = null)
    {
        inputs.Check(sample, context.States);
        CheckHint(sample, hint);
        using var scope = NewDisposeScope();
        var time = inputs.EmbedTime(timesteps.to(Device), sample.shape[0], conditions).silu();
        var hidden = conv_in.forward(sample.to_type(DType)).add(hint);
        var skips = new List<Tensor> { hidden };
        foreach (var block in down_blocks)
        {
            hidden = block.forward(hidden, time, context, skips);
        }

        hidden = mid_block.forward(hidden, time, context);
        var down = skips.Select((skip, index) => Pooled(controlnet_down_blocks[index].forward(skip))).ToList();
        var mid = Pooled(controlnet_mid_block.forward(hidden));
        return new ControlNetResiduals(
            [.. down.Select(residual => residual.MoveToOuterDisposeScope())], mid.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// A ControlNet to train: the way down and the middle copied from a base model, the hint encoder fresh, and every
    /// map to the base model zero, so that at first it changes nothing.
    /// </summary>
    /// <param name="unet">The base model; the copy has its type and device.</param>
    /// <param name="generator">Decides the hint encoder's weights, the same on every device.</param>
    /// <param name="channels">Channels of the control picture.</param>
    /// <param name="embedding">Widths of the hint encoder; those of the published ControlNets by default.</param>
    public static ControlNetModel FromUNet(
        UNet2DConditionModel unet, Generator generator, long channels = 3, IReadOnlyList<long>? embedding = null)
    {
        var shape = new ControlNetConfig { Encoder = unet.Config, ConditioningChannels = channels };
        var network = new ControlNetModel(
            embedding is null ? shape : shape with { ConditioningEmbeddingOutChannels = embedding },
            unet.Device,
            unet.DType);
        using var gradients = no_grad();
        var source = unet.state_dict();
        foreach (var (name, tensor) in network.state_dict())
        {
            if (source.TryGetValue(name, out var original))
            {
                tensor.copy_(original);
            }
        }

        Initialisation.Fill(network.controlnet_cond_embedding, generator);
        Conv2d[] silent =
            [network.controlnet_cond_embedding.Last, .. network.controlnet_down_blocks, network.controlnet_mid_block];
        foreach (var parameter in silent.SelectMany(layer => layer.parameters()))
        {
            parameter.zero_();
        }

        return network;
    }

    /// <summary>Channels of each skip: the first convolution's, then each layer's and each halving's.</summary>
    internal static IEnumerable<long> SkipWidths(UNetConfig config)
    {
        var widths = config.BlockOutChannels;
        yield return widths[0];
        for (var level = 0; level < widths.Count; level++)
        {
            var count = config.LayersPerBlock + (level < widths.Count - 1 ? 1 : 0);
            for (var layer = 0; layer < count; layer++)
            {
                yield return widths[level];
            }
        }
    }

    private Tensor Pooled(Tensor residual) =>
        Config.GlobalPoolConditions ? residual.mean([2, 3], keepdim: true) : residual;

    private void CheckHint(Tensor sample, Tensor hint)
    {
        if (!hint.shape[2..].SequenceEqual(sample.shape[2..])
            || (hint.shape[0] != sample.shape[0] && hint.shape[0] != 1))
        {
            var (height, width) = (Config.Factor * sample.shape[2], Config.Factor * sample.shape[3]);
            throw new RecipesException(
                Config.Where,
                $"there are {hint.shape[0]} control pictures of about {hint.shape[3] * Config.Factor} × "
                    + $"{hint.shape[2] * Config.Factor} pixels for {sample.shape[0]} latents of {width} × {height}",
                $"Give one picture for each, of {width} × {height} pixels.");
        }
    }
}
