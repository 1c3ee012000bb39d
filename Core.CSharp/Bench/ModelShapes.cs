using Recipes.Core.Networks;

namespace Recipes.Core.Bench;

/// <summary>The published Stable Diffusion models' shapes, from the configs that lie beside their weights.</summary>
public static class ModelShapes
{
    /// <summary>Stable Diffusion 1.5: 512 pixels, CLIP ViT-L/14.</summary>
    public static ModelShape Sd15 { get; } = new(
        "sd15", "StableDiffusionPipeline", new UNetConfig(), new VaeConfig(), [new ClipTextConfig()]);

    /// <summary>Stable Diffusion 2.1: 768 pixels, OpenCLIP ViT-H/14 less its last layer, velocity.</summary>
    public static ModelShape Sd21 { get; } = new(
        "sd21",
        "StableDiffusionPipeline",
        new UNetConfig
        {
            SampleSize = 96,
            CrossAttentionDim = 1024,
            AttentionHeads = [5, 10, 20, 20],
            UseLinearProjection = true,
            UpcastAttention = true,
        },
        new VaeConfig { SampleSize = 768 },
        [OpenClip(1024, 4096, 23, 16)],
        Velocity: true);

    /// <summary>Stable Diffusion XL base: 1024 pixels, CLIP ViT-L/14 and OpenCLIP ViT-bigG/14.</summary>
    public static ModelShape Sdxl { get; } = new(
        "sdxl",
        "StableDiffusionXLPipeline",
        new UNetConfig
        {
            SampleSize = 128,
            BlockOutChannels = [320, 640, 1280],
            DownBlockTypes = [UNetConfig.PlainDown, UNetConfig.CrossDown, UNetConfig.CrossDown],
            UpBlockTypes = [UNetConfig.CrossUp, UNetConfig.CrossUp, UNetConfig.PlainUp],
            CrossAttentionDim = 2048,
            AttentionHeads = [5, 10, 20],
            TransformerLayersPerBlock = [1, 2, 10],
            UseLinearProjection = true,
            AdditionTimeEmbedDim = 256,
            ProjectionClassEmbeddingsInputDim = 2816,
        },
        new VaeConfig { SampleSize = 1024, ScalingFactor = 0.13025 },
        [new ClipTextConfig(), OpenClip(1280, 5120, 32, 20) with { ProjectionDim = 1280 }]);

    /// <summary>Nobody's model: Stable Diffusion 1's layout with as few weights as it can have, to try a bench on.</summary>
    public static ModelShape Tiny { get; } = new(
        "tiny",
        "StableDiffusionPipeline",
        new UNetConfig
        {
            SampleSize = 8,
            BlockOutChannels = [32, 32],
            DownBlockTypes = [UNetConfig.CrossDown, UNetConfig.PlainDown],
            UpBlockTypes = [UNetConfig.PlainUp, UNetConfig.CrossUp],
            LayersPerBlock = 1,
            CrossAttentionDim = 32,
            AttentionHeads = [2],
        },
        new VaeConfig { SampleSize = 64, BlockOutChannels = [32, 32, 32, 32], LayersPerBlock = 1 },
        [new ClipTextConfig { HiddenSize = 32, IntermediateSize = 64, NumHiddenLayers = 2, NumAttentionHeads = 2 }]);

    /// <summary>The published ones.</summary>
    public static IReadOnlyList<ModelShape> All { get; } = [Sd15, Sd21, Sdxl];

    /// <summary>The one of that name: a published one, or <see cref="Tiny"/>.</summary>
    /// <exception cref="RecipesException">There is none.</exception>
    public static ModelShape Named(string name) =>
        All.Append(Tiny).FirstOrDefault(shape => shape.Name == name) ?? throw new RecipesException(
            $"shape {name}",
            "no published model's shape is called that",
            $"Choose {string.Join(", ", All.Select(shape => shape.Name))}.");

    private static ClipTextConfig OpenClip(long width, long inner, long layers, long heads) => new()
    {
        HiddenSize = width,
        IntermediateSize = inner,
        NumHiddenLayers = layers,
        NumAttentionHeads = heads,
        HiddenAct = "gelu",
        PadTokenId = 0,
    };
}
