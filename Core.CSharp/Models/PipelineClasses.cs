namespace Recipes.Core.Models;

/// <summary>The diffusers pipelines whose models can be used here, by the names model_index.json gives them.</summary>
public static class PipelineClasses
{
    public const string TextToImage = "StableDiffusionPipeline";
    public const string ImageToImage = "StableDiffusionImg2ImgPipeline";
    public const string Inpainting = "StableDiffusionInpaintPipeline";
    public const string ControlNet = "StableDiffusionControlNetPipeline";
    public const string Upscaling = "StableDiffusionUpscalePipeline";
    public const string XLTextToImage = "StableDiffusionXLPipeline";
    public const string XLImageToImage = "StableDiffusionXLImg2ImgPipeline";
    public const string XLInpainting = "StableDiffusionXLInpaintPipeline";
    public const string XLControlNet = "StableDiffusionXLControlNetPipeline";

    /// <summary>Every one of them.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        TextToImage,
        ImageToImage,
        Inpainting,
        ControlNet,
        Upscaling,
        XLTextToImage,
        XLImageToImage,
        XLInpainting,
        XLControlNet,
    ];

    /// <summary>Whether it has two text encoders and is told sizes.</summary>
    public static bool IsXL(string name) => name.StartsWith("StableDiffusionXL", StringComparison.Ordinal);

    /// <summary>Whether it fills holes in pictures.</summary>
    public static bool IsInpainting(string name) => name is Inpainting or XLInpainting;
}
