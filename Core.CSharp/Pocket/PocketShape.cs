using Recipes.Core.Networks;

namespace Recipes.Core.Pocket;

/// <summary>
/// The shapes of the embedded networks, chosen so that all of them in float16 stay under 33.5 MB: 8.99 M parameters to
/// denoise, 2.45 M in the autoencoder, 1.41 M in the text encoder, 2.70 M in the CLIP model, and 1.06 M to enlarge.
/// </summary>
public static class PocketShape
{
    /// <summary>Parameters of <see cref="UNet"/>.</summary>
    public const long UNetParameters = 8_986_788;

    /// <summary>Parameters of <see cref="Vae"/>.</summary>
    public const long VaeParameters = 2_451_575;

    /// <summary>Parameters of the towers whose text half becomes the text encoder, with the embedded vocabulary.</summary>
    public const long TextTowerParameters = 3_130_081;

    /// <summary>Parameters of the model that scores, with the embedded vocabulary.</summary>
    public const long ClipParameters = 2_696_801;

    /// <summary>Parameters of <see cref="UpscalerUNet"/>.</summary>
    public const long UpscalerUNetParameters = 699_164;

    /// <summary>Parameters of <see cref="UpscalerVae"/>.</summary>
    public const long UpscalerVaeParameters = 365_631;

    /// <summary>The highest noise level that the upscaler's small pictures are trained with.</summary>
    public const int UpscalerNoiseLevels = 350;

    private const string CrossDown = "CrossAttnDownBlock2D";
    private const string CrossUp = "CrossAttnUpBlock2D";
    private const long TextWidth = 160;
    private const long Side = 128;
    private const long Factor = 8;
    private const long UpscalerFactor = 4;

    /// <summary>Attention to the text on all three levels (16, 8 and 4 latents a side), heads 32 wide.</summary>
    public static UNetConfig UNet { get; } = new()
    {
        Where = "pocket/unet",
        SampleSize = Side / Factor,
        BlockOutChannels = [64, 128, 160],
        DownBlockTypes = [CrossDown, CrossDown, CrossDown],
        UpBlockTypes = [CrossUp, CrossUp, CrossUp],
        LayersPerBlock = 1,
        AttentionHeads = [2, 4, 5],
        CrossAttentionDim = TextWidth,
        NormNumGroups = 16,
    };

    /// <summary>One latent position for 8x8 pixels, four channels. The scaling factor is measured after training.</summary>
    public static VaeConfig Vae { get; } = new()
    {
        Where = "pocket/vae",
        SampleSize = Side,
        BlockOutChannels = [48, 64, 96, 96],
        LayersPerBlock = 1,
        NormNumGroups = 16,
        ForceUpcast = false,
    };

    /// <summary>
    /// Enlarges 32x32 px to 128x128 px: latents and the small picture side by side, two levels (32 and 16 a side) of
    /// two layers, and attention, to the text too, between them.
    /// </summary>
    public static UNetConfig UpscalerUNet { get; } = new()
    {
        Where = "pocket-x4/unet",
        SampleSize = Side / UpscalerFactor,
        InChannels = 7,
        BlockOutChannels = [40, 40],
        DownBlockTypes = ["DownBlock2D", "DownBlock2D"],
        UpBlockTypes = ["UpBlock2D", "UpBlock2D"],
        LayersPerBlock = 2,
        AttentionHeads = [2],
        CrossAttentionDim = TextWidth,
        NormNumGroups = 8,
        NumClassEmbeds = UpscalerNoiseLevels + 1,
    };

    /// <summary>One latent position for 4x4 pixels, four channels. The scaling factor is measured after training.</summary>
    public static VaeConfig UpscalerVae { get; } = new()
    {
        Where = "pocket-x4/vae",
        SampleSize = Side,
        BlockOutChannels = [32, 32, 40],
        LayersPerBlock = 1,
        NormNumGroups = 8,
        MidBlockAddAttention = false,
        ForceUpcast = false,
    };

    /// <summary>The text encoder that the denoiser listens to.</summary>
    public static ClipTextConfig Text(long vocabulary) => new()
    {
        Where = "pocket/text_encoder",
        VocabSize = vocabulary,
        HiddenSize = TextWidth,
        IntermediateSize = 4 * TextWidth,
        NumHiddenLayers = 3,
        NumAttentionHeads = 5,
        BosTokenId = vocabulary - 2,
        EosTokenId = vocabulary - 1,
        PadTokenId = vocabulary - 1,
    };

    /// <summary>
    /// The model that scores: patches of 16 px of pictures of 128 px. Also the shape of the towers whose text half
    /// becomes <see cref="Text"/>, when given that one.
    /// </summary>
    public static ClipConfig Clip(long vocabulary, ClipTextConfig? text = null) => new()
    {
        ProjectionDim = 128,
        Text = text ?? Text(vocabulary) with
        {
            Where = "pocket-clip",
            HiddenSize = 128,
            IntermediateSize = 512,
            NumAttentionHeads = 4,
        },
        Vision = new ClipVisionConfig
        {
            Where = "pocket-clip",
            ImageSize = Side,
            PatchSize = 16,
            HiddenSize = 160,
            IntermediateSize = 640,
            NumHiddenLayers = 5,
            NumAttentionHeads = 5,
        },
    };
}
