using Recipes.Core.Networks.Blocks;
using Recipes.Core.Networks.Layers;
using Recipes.Core.Weights;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Linear = Recipes.Core.Networks.Layers.Linear;

namespace Recipes.Core.Networks;

/// <summary>
/// Both towers of CLIP (Radford et al. 2021), projected into one space where a picture lies near its caption. Its
/// parameters are named as in transformers checkpoints.
/// </summary>
public sealed class ClipModel : nn.Module<Tensor, Tensor, Tensor>, IInitialised
{
    private readonly ClipTextTransformer text_model;
    private readonly ClipVisionTransformer vision_model;
    private readonly Linear visual_projection;
    private readonly Linear text_projection;
    private readonly Parameter logit_scale;

    /// <param name="config">The shape.</param>
    /// <param name="device">The CPU by default; meta for shapes alone.</param>
    /// <param name="dtype">Float32 by default.</param>
    public ClipModel(ClipConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(ClipModel))
    {
        Config = config;
        var width = config.ProjectionDim;
        text_model = new ClipTextTransformer(config.Text, device, dtype);
        vision_model = new ClipVisionTransformer(config.Vision, device, dtype);
        visual_projection = new Linear(config.Vision.HiddenSize, width, hasBias: false, device, dtype);
        text_projection = new Linear(config.Text.HiddenSize, width, hasBias: false, device, dtype);
        logit_scale = new Parameter(empty([], device: device, dtype: dtype));
        RegisterComponents();
    }

    /// <summary>The shape it was built with.</summary>
    public ClipConfig Config { get; }

    /// <summary>Logarithm of what cosines are multiplied by, [].</summary>
    public Tensor LogitScale => logit_scale;

    /// <summary>The type of its weights and its output.</summary>
    public ScalarType DType => text_projection.Weight.dtype;

    /// <summary>Where its weights lie.</summary>
    public Device Device => text_projection.Weight.device;

    /// <summary>Reads a folder with config.json and model.safetensors.</summary>
    public static ClipModel Load(string folder, Device? device = null, ScalarType? dtype = null)
    {
        var model = new ClipModel(ClipConfig.Read(folder), device, dtype);
        using var file = SafeTensorsFile.Open(System.IO.Path.Combine(folder, "model.safetensors"));
        StateDict.Load(model, [file], WeightKeys.ForClip, folder);
        model.eval();
        return model;
    }

    /// <summary>Vectors of length 1 for pictures, [batch, projection width].</summary>
    /// <param name="pixelValues">As <see cref="ClipImageProcessor"/> makes them.</param>
    public Tensor EmbedImages(Tensor pixelValues)
    {
        using var scope = NewDisposeScope();
        return Unit(visual_projection.forward(vision_model.forward(pixelValues).Pooled)).MoveToOuterDisposeScope();
    }

    /// <summary>Vectors of length 1 for texts, [batch, projection width].</summary>
    /// <param name="ids">Token ids, [batch, n].</param>
    public Tensor EmbedText(Tensor ids)
    {
        using var scope = NewDisposeScope();
        return Unit(text_projection.forward(text_model.forward(ids).Pooled)).MoveToOuterDisposeScope();
    }

    /// <summary>Scaled cosines of each picture with each text, [pictures, texts].</summary>
    /// <param name="pixelValues">As <see cref="ClipImageProcessor"/> makes them.</param>
    /// <param name="ids">Token ids, [texts, n].</param>
    public override Tensor forward(Tensor pixelValues, Tensor ids)
    {
        using var scope = NewDisposeScope();
        var cosines = EmbedImages(pixelValues).matmul(EmbedText(ids).t());
        return cosines.mul(logit_scale.exp()).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Fill(Generator generator) => logit_scale.fill_(Config.LogitScaleInitValue);

    private static Tensor Unit(Tensor vectors) => vectors.div(vectors.norm(-1, keepdim: true));
}
