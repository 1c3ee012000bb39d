using Recipes.Core.Networks.Layers;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Conv2d = Recipes.Core.Networks.Layers.Conv2d;
using Embedding = Recipes.Core.Networks.Layers.Embedding;
using LayerNorm = Recipes.Core.Networks.Layers.LayerNorm;

namespace Recipes.Core.Networks.Blocks;

/// <summary>The image tower: patches and a class vector, layers, a norm of the class vector's state.</summary>
internal sealed class ClipVisionTransformer : nn.Module
{
    private readonly ClipVisionEmbeddings embeddings;
    private readonly LayerNorm pre_layrnorm;
    private readonly ClipEncoder encoder;
    private readonly LayerNorm post_layernorm;

    public ClipVisionTransformer(ClipVisionConfig config, Device? device, ScalarType? dtype)
        : base(nameof(ClipVisionTransformer))
    {
        embeddings = new ClipVisionEmbeddings(config, device, dtype);
        pre_layrnorm = new LayerNorm(config.HiddenSize, config.LayerNormEps, device, dtype);
        encoder = new ClipEncoder(ClipShape.Of(config), device, dtype);
        post_layernorm = new LayerNorm(config.HiddenSize, config.LayerNormEps, device, dtype);
        RegisterComponents();
    }

    public ClipVisionOutput forward(Tensor pixelValues)
    {
        using var scope = NewDisposeScope();
        var states = encoder.States(pre_layrnorm.forward(embeddings.forward(pixelValues)), causal: false);
        var pooled = post_layernorm.forward(states[^1].select(1, 0));
        var (last, best) = scope.MoveToOuter(states[^1], pooled);
        return new ClipVisionOutput(last, best);
    }
}

/// <summary>One vector for the picture as a whole and one for each patch, plus one for each position.</summary>
internal sealed class ClipVisionEmbeddings : nn.Module<Tensor, Tensor>, IInitialised
{
    private readonly Parameter class_embedding;
    private readonly Conv2d patch_embedding;
    private readonly Embedding position_embedding;
    private readonly ClipVisionConfig config;

    public ClipVisionEmbeddings(ClipVisionConfig config, Device? device, ScalarType? dtype)
        : base(nameof(ClipVisionEmbeddings))
    {
        this.config = config;
        var width = config.HiddenSize;
        var patches = config.ImageSize / config.PatchSize;
        class_embedding = new Parameter(empty(width, device: device, dtype: dtype));
        patch_embedding = new Conv2d(
            config.NumChannels,
            width,
            kernel: config.PatchSize,
            stride: config.PatchSize,
            hasBias: false,
            device: device,
            dtype: dtype);
        position_embedding = new Embedding(patches * patches + 1, width, device, dtype);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public void Fill(Generator generator) => class_embedding.normal_(0, Math.Pow(config.HiddenSize, -0.5), generator);

    public override Tensor forward(Tensor input)
    {
        if (input.dim() != 4 || input.shape[1] != config.NumChannels
            || input.shape[2] != config.ImageSize || input.shape[3] != config.ImageSize)
        {
            throw new RecipesException(
                config.Where,
                $"the pictures are [{string.Join(", ", input.shape)}], "
                    + $"not [batch, {config.NumChannels}, {config.ImageSize}, {config.ImageSize}]",
                "Use the image processor that belongs to this model.");
        }

        using var scope = NewDisposeScope();
        var patches = patch_embedding.forward(input.to_type(patch_embedding.Weight.dtype)).flatten(2).transpose(1, 2);
        var whole = class_embedding.expand(input.shape[0], 1, -1);
        return cat([whole, patches], 1).add_(position_embedding.Weight).MoveToOuterDisposeScope();
    }
}
