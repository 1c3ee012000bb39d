namespace Recipes.Core.Adapters;

/// <summary>How adapter files spell their keys.</summary>
public enum LoraNaming
{
    /// <summary>
    /// As the reference's training scripts save: unet.PATH.lora.down.weight for attention,
    /// text_encoder.PATH.lora_linear_layer.down.weight for text attention, PEFT's names elsewhere.
    /// </summary>
    Diffusers,

    /// <summary>unet.PATH.lora_A.weight and unet.PATH.lora_B.weight.</summary>
    Peft,

    /// <summary>lora_unet_PATH.lora_down.weight, .lora_up.weight and .alpha, the path's dots as underscores.</summary>
    Kohya,
}
