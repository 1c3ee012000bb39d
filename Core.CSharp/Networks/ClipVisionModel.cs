using Recipes.Core.Networks.Blocks;
using static TorchSharp.torch;

namespace Recipes.Core.Networks;

/// <summary>The image tower of CLIP (Radford et al. 2021). Its parameters are named from vision_model. on.</summary>
public sealed class ClipVisionModel : nn.Module<Tensor, ClipVisionOutput>
{
    private readonly ClipVisionTransformer vision_model;

    /// <param name="config">The shape.</param>
    /// <param name="device">The CPU by default; meta for shapes alone.</param>
    /// <param name="dtype">Float32 by default.</param>
    public ClipVisionModel(ClipVisionConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(ClipVisionModel))
    {
        Config = config;
        vision_model = new ClipVisionTransformer(config, device, dtype);
        RegisterComponents();
    }

    /// <summary>The shape it was built with.</summary>
    public ClipVisionConfig Config { get; }

    /// <param name="input">Pictures as <see cref="ClipImageProcessor"/> makes them, [batch, 3, size, size].</param>
    public override ClipVisionOutput forward(Tensor input) => vision_model.forward(input);
}

/// <summary>What a CLIP image tower makes of pictures.</summary>
/// <param name="LastHiddenState">[batch, 1 + patches, width].</param>
/// <param name="Pooled">[batch, width]: the normalised state of the class vector.</param>
public sealed record ClipVisionOutput(Tensor LastHiddenState, Tensor Pooled);
