namespace Recipes.Core.Adapters;

/// <summary>What a key of an adapter file holds.</summary>
internal enum LoraRole
{
    Down,
    Up,
    Alpha,

    /// <summary>DoRA's magnitudes as PEFT and as kohya's and LyCORIS's programs spell them.</summary>
    Magnitude,

    /// <summary>The core between the halves of a convolution (Tucker).</summary>
    Mid,

    /// <summary>The whole difference.</summary>
    Full,

    /// <summary>LoHa's four factors and two cores.</summary>
    Hada1A,
    Hada1B,
    Hada2A,
    Hada2B,
    HadaCore1,
    HadaCore2,

    /// <summary>LoKr's two factors, each whole or as a product, and a core.</summary>
    Kron1,
    Kron1A,
    Kron1B,
    Kron2,
    Kron2A,
    Kron2B,
    KronCore,
}

/// <summary>The ends of keys in adapter files and what they mean.</summary>
internal static class LoraKeys
{
    private static readonly (string Suffix, LoraRole Role)[] Suffixes =
    [
        (".lora_A.weight", LoraRole.Down),
        (".lora_B.weight", LoraRole.Up),
        (".lora_A.default.weight", LoraRole.Down),
        (".lora_B.default.weight", LoraRole.Up),
        (".lora.down.weight", LoraRole.Down),
        (".lora.up.weight", LoraRole.Up),
        (".lora_down.weight", LoraRole.Down),
        (".lora_up.weight", LoraRole.Up),
        (".lora_linear_layer.down.weight", LoraRole.Down),
        (".lora_linear_layer.up.weight", LoraRole.Up),
        ("_lora_linear_layer.down.weight", LoraRole.Down),
        ("_lora_linear_layer.up.weight", LoraRole.Up),
        ("_lora_linear_layer.alpha", LoraRole.Alpha),
        ("_lora.down.weight", LoraRole.Down),
        ("_lora.up.weight", LoraRole.Up),
        (".alpha", LoraRole.Alpha),
        (".lora_magnitude_vector", LoraRole.Magnitude),
        (".lora_magnitude_vector.weight", LoraRole.Magnitude),
        (".lora_magnitude_vector.default.weight", LoraRole.Magnitude),
        (".dora_scale", LoraRole.Magnitude),
        (".lora_mid.weight", LoraRole.Mid),
        (".diff", LoraRole.Full),
        (".hada_w1_a", LoraRole.Hada1A),
        (".hada_w1_b", LoraRole.Hada1B),
        (".hada_w2_a", LoraRole.Hada2A),
        (".hada_w2_b", LoraRole.Hada2B),
        (".hada_t1", LoraRole.HadaCore1),
        (".hada_t2", LoraRole.HadaCore2),
        (".lokr_w1", LoraRole.Kron1),
        (".lokr_w1_a", LoraRole.Kron1A),
        (".lokr_w1_b", LoraRole.Kron1B),
        (".lokr_w2", LoraRole.Kron2),
        (".lokr_w2_a", LoraRole.Kron2A),
        (".lokr_w2_b", LoraRole.Kron2B),
        (".lokr_t2", LoraRole.KronCore),
    ];

    private static readonly (string Part, string Kind)[] Others =
    [
        (".lora_A.bias", "LoRA with biases"),
        (".lora_B.bias", "LoRA with biases"),
        (".diff_b", "a change of biases"),
        (".w_norm", "a change of norms"),
        (".b_norm", "a change of norms"),
        (".oft_blocks", "OFT"),
        (".oft_diag", "OFT"),
        (".oft_R", "OFT"),
        (".on_input", "(IA)³"),
        (".a1.weight", "GLoRA"),
        (".b1.weight", "GLoRA"),
        (".boft_", "BOFT"),
        (".vera_lambda", "VeRA"),
        ("lora_controlnet", "Control-LoRA"),
    ];

    /// <summary>The layer's part of a key and what the key holds, or null for a key of no known spelling.</summary>
    public static (string Stem, LoraRole Role)? Split(string key)
    {
        foreach (var (suffix, role) in Suffixes)
        {
            if (key.EndsWith(suffix, StringComparison.Ordinal))
            {
                return (key[..^suffix.Length], role);
            }
        }

        return null;
    }

    /// <summary>The name of the kind of adapter that a key is of, where it is one that is not read.</summary>
    public static string? ForeignKind(string key) =>
        Others.FirstOrDefault(other => key.Contains(other.Part, StringComparison.Ordinal)).Kind;
}
