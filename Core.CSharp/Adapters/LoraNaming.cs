namespace Recipes.Core.Adapters;

/// <summary>How adapter files spell their keys.</summary>
public enum LoraNaming
{
    /// <summary>
    /// As the reference's training scripts save attention: unet.PATH.lora.down.weight and
    /// text_encoder.PATH.lora_linear_layer.down.weight. Adapters on other layers too are written in PEFT's names,
    /// because the reference does not read files that mix the two.
    /// </summary>
    Diffusers,

    /// <summary>unet.PATH.lora_A.weight and unet.PATH.lora_B.weight.</summary>
    Peft,

    /// <summary>lora_unet_PATH.lora_down.weight, .lora_up.weight and .alpha, the path's dots as underscores.</summary>
    Kohya,

    /// <summary>
    /// As <see cref="Kohya"/>, the UNet's layers named as in checkpoints of the original layout
    /// (lora_unet_input_blocks_4_1_PATH): what programs for SDXL write and expect.
    /// </summary>
    KohyaOriginal,
}
