using Recipes.Core.Networks.Blocks;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Conv2d = Recipes.Core.Networks.Layers.Conv2d;
using Embedding = Recipes.Core.Networks.Layers.Embedding;
using GroupNorm = Recipes.Core.Networks.Layers.GroupNorm;

namespace Recipes.Core.Networks;

/// <summary>
/// The denoiser of Stable Diffusion (Rombach et al. 2022, section 3): what a noisy latent holds besides the picture,
/// given the timestep and the text. Its parameters are named as in diffusers checkpoints.
/// </summary>
public sealed class UNet2DConditionModel : nn.Module<Tensor, Tensor, Tensor, Tensor>
{
    private readonly Conv2d conv_in;
    private readonly TimestepEmbedding time_embedding;
    private readonly Embedding? class_embedding;
    private readonly TimestepEmbedding? add_embedding;
    private readonly ModuleList<UNetDownBlock> down_blocks;
    private readonly UNetMidBlock mid_block;
    private readonly ModuleList<UNetUpBlock> up_blocks;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;
    private readonly UNetInputs inputs;

    /// <param name="config">The shape.</param>
    /// <param name="device">The CPU by default; meta for shapes alone.</param>
    /// <param name="dtype">Float32 by default.</param>
    /// <exception cref="RecipesException">The config contradicts itself.</exception>
    public UNet2DConditionModel(UNetConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(UNet2DConditionModel))
    {
        config.Check();
        Config = config;
        var parts = new UNetParts(config, device, dtype);
        var widths = config.BlockOutChannels;
        var levels = Enumerable.Range(0, widths.Count);
        conv_in = new Conv2d(config.InChannels, widths[0], 3, padding: 1, device: device, dtype: dtype);
        time_embedding = new TimestepEmbedding(widths[0], parts.TimeWidth, device, dtype);
        class_embedding = config.NumClassEmbeds is { } labels
            ? new Embedding(labels, parts.TimeWidth, device, dtype)
            : null;
        add_embedding = config.ProjectionClassEmbeddingsInputDim is { } added
            ? new TimestepEmbedding(added, parts.TimeWidth, device, dtype)
            : null;
        down_blocks = new ModuleList<UNetDownBlock>([.. levels.Select(level => new UNetDownBlock(parts, level))]);
        mid_block = new UNetMidBlock(parts);
        up_blocks = new ModuleList<UNetUpBlock>([.. levels.Select(index => new UNetUpBlock(parts, index))]);
        conv_norm_out = new GroupNorm(config.NormNumGroups, widths[0], config.NormEps, device, dtype);
        conv_out = new Conv2d(widths[0], config.OutChannels, 3, padding: 1, device: device, dtype: dtype);
        inputs = new UNetInputs(config, time_embedding, class_embedding, add_embedding);
        RegisterComponents();
    }

    /// <summary>The shape it was built with.</summary>
    public UNetConfig Config { get; }

    /// <summary>
    /// Whether passes with gradients keep the inputs of resnets and transformers alone and run them again backward: less
    /// memory for a third more time. The parts must not draw random numbers, as dropout does. A pass whose attention is
    /// recorded keeps everything.
    /// </summary>
    public bool GradientCheckpointing { get; set; }

    /// <summary>What a drawing has recorded of this network for the next; freed with it.</summary>
    internal IDisposable? Recordings { get; set; }

    /// <summary>
    /// Why the last drawing on a CUDA device ran its operations one by one, though it was long enough to be recorded; null
    /// where it was recorded or not to be.
    /// </summary>
    public string? DrawingPlainReason { get; internal set; }

    /// <summary>The type of its weights and its output.</summary>
    public ScalarType DType => conv_in.Weight.dtype;

    /// <summary>Where its weights lie.</summary>
    public Device Device => conv_in.Weight.device;

    /// <param name="sample">Noisy latents, [batch, in, height, width].</param>
    /// <param name="timesteps">[batch] or [1], of any type.</param>
    /// <param name="context">The text encoder's states, [batch, m, cross-attention width].</param>
    /// <returns>[batch, out, height, width], in the type of the weights.</returns>
    public override Tensor forward(Tensor sample, Tensor timesteps, Tensor context)
    {
        using var text = new TextContext(context);
        return forward(sample, timesteps, text);
    }

    /// <inheritdoc cref="forward(Tensor, Tensor, Tensor)"/>
    /// <param name="sample">Noisy latents, [batch, in, height, width].</param>
    /// <param name="timesteps">[batch] or [1], of any type.</param>
    /// <param name="context">The text, whose keys and values may be kept over several calls.</param>
    /// <param name="conditions">What the model is told besides.</param>
    public Tensor forward(Tensor sample, Tensor timesteps, TextContext context, UNetConditions? conditions = null)
    {
        inputs.Check(sample, context.States);
        if (conditions?.Attention is { } recorder)
        {
            recorder.Begin(sample.shape[2], sample.shape[3]);
            context = context.RecordedBy(recorder);
        }

        using var scope = NewDisposeScope();
        var type = DType;
        var time = inputs.EmbedTime(timesteps.to(Device), sample.shape[0], conditions).silu();
        var hidden = conv_in.forward(sample.to_type(type));
        if (GradientCheckpointing && is_grad_enabled() && context.Recorder is null)
        {
            context = context.Recomputed();
            if (!hidden.requires_grad)
            {
                // Gradients of adapters come by only where an input has one.
                hidden = hidden.detach();
                hidden.requires_grad = true;
            }
        }

        var skips = new List<Tensor> { hidden };
        foreach (var block in down_blocks)
        {
            hidden = block.forward(hidden, time, context, skips);
        }

        hidden = mid_block.forward(hidden, time, context);
        if (conditions?.DownResiduals is { } residuals)
        {
            for (var i = 0; i < skips.Count; i++)
            {
                skips[i] = skips[i].add(residuals[i]);
            }
        }

        if (conditions?.MidResidual is { } residual)
        {
            hidden = hidden.add(residual);
        }

        foreach (var block in up_blocks)
        {
            hidden = block.forward(hidden, time, context, skips);
        }

        return conv_out.forward(conv_norm_out.Activated(hidden)).MoveToOuterDisposeScope();
    }

    /// <summary>Frees what drawings have recorded, such as before a training that needs the memory.</summary>
    public void ForgetRecordings()
    {
        Recordings?.Dispose();
        Recordings = null;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            ForgetRecordings();
        }

        base.Dispose(disposing);
    }
}
