using Recipes.Core.Networks;

namespace Recipes.Core.Weights.Original;

/// <summary>Where the parts of a model stand in a checkpoint.</summary>
/// <param name="Vae">What stands before the autoencoder's keys.</param>
/// <param name="Texts">The text encoders, the first one first.</param>
internal sealed record CheckpointLayout(string Vae, IReadOnlyList<CheckpointLayout.Text> Texts)
{
    private const string Own = "text_model.";
    private static readonly Text Sd1 = new("cond_stage_model.transformer.", Open: false);
    private static readonly Text Sd2 = new("cond_stage_model.model.", Open: true);
    private static readonly Text Refiner = new("conditioner.embedders.0.model.", Open: true);

    private static readonly IReadOnlyList<Text> Xl =
    [
        new("conditioner.embedders.0.transformer.", Open: false),
        new("conditioner.embedders.1.model.", Open: true),
    ];

    /// <summary>A text encoder's place.</summary>
    /// <param name="Prefix">What stands before its keys.</param>
    /// <param name="Open">Whether it is an OpenCLIP encoder, under OpenCLIP's names.</param>
    internal sealed record Text(string Prefix, bool Open)
    {
        /// <summary>The token that fills prompts up for it.</summary>
        public string Pad => Open ? "!" : "<|endoftext|>";
    }

    /// <summary>Whether there are two text encoders, as in SDXL.</summary>
    public bool IsXl => Texts.Count == 2;

    /// <summary>The layout that files of a family (SD1, SD2 or SDXL) are written in.</summary>
    public static CheckpointLayout Of(string family) => new(VaeKeys.Prefixes[0], family switch
    {
        "SDXL" => [WithOwn(Xl[0]), Xl[1]],
        "SD2" => [Sd2],
        _ => [WithOwn(Sd1)],
    });

    /// <summary>The layout of a file.</summary>
    /// <exception cref="RecipesException">
    /// It is no whole Stable Diffusion 1, 2 or SDXL checkpoint; the message says what it is.
    /// </exception>
    public static CheckpointLayout Find(CheckpointHeader header)
    {
        if (header.Any(Refiner.Prefix) && !header.Any(Xl[1].Prefix))
        {
            throw new RecipesException(
                header.Path,
                "it is the SDXL refiner, which finishes pictures and makes none from text alone",
                "Name the SDXL base checkpoint.");
        }

        if (header.Has("edm_mean"))
        {
            throw new RecipesException(
                header.Path,
                "it is a Playground v2.5 checkpoint (edm_mean), which is trained with noise of another kind",
                "Choose a Stable Diffusion 1, Stable Diffusion 2 or SDXL checkpoint.");
        }

        var unet = header.Any($"{UNetKeys.Prefix}input_blocks.");
        var vae = VaeKeys.Prefixes.FirstOrDefault(prefix => header.Any($"{prefix}decoder."));
        IReadOnlyList<Text> texts = Xl.All(text => header.Any(text.Prefix)) ? Xl
            : header.Any(Sd2.Prefix) ? [Sd2]
            : header.Any(Sd1.Prefix) ? [Sd1]
            : [];
        return unet && vae is not null && texts.Count > 0
            ? new CheckpointLayout(
                vae, [.. texts.Select(text => header.Any(text.Prefix + Own) ? WithOwn(text) : text)])
            : throw ForeignFiles.Fault(header, unet, vae is not null, texts.Count > 0);
    }

    /// <summary>Every key of a model of this shape, by component.</summary>
    public IReadOnlyDictionary<string, IReadOnlyList<KeyRow>> Keys(
        UNetConfig unet, VaeConfig vae, IReadOnlyList<ClipTextConfig> texts)
    {
        var keys = new OrderedDictionary<string, IReadOnlyList<KeyRow>>
        {
            ["unet"] = UNetKeys.Of(unet),
            ["vae"] = VaeKeys.Of(vae, Vae),
        };
        foreach (var ((place, config), index) in Texts.Zip(texts).Select((pair, index) => (pair, index)))
        {
            keys[index == 0 ? "text_encoder" : $"text_encoder_{index + 1}"] = place.Open
                ? TextKeys.OpenClip(config, place.Prefix)
                : TextKeys.Clip(config, place.Prefix);
        }

        return keys;
    }

    private static Text WithOwn(Text text) => text.Open ? text : text with { Prefix = text.Prefix + Own };
}
