using Recipes.Core.Adapters;
using Recipes.Core.Networks;

namespace Recipes.Core.Training;

/// <summary>
/// What of a model is trained. Adapters and new tokens together are pivotal tuning; keys and values with a new token
/// are Custom Diffusion (Kumari et al., "Multi-Concept Customization of Text-to-Image Diffusion").
/// </summary>
public sealed record TrainedParts
{
    /// <summary>Targets that cover every layer of a network.</summary>
    public static IReadOnlyList<string> Everything { get; } = ["*"];

    /// <summary>Targets that cover the maps of the text to keys and values.</summary>
    public static IReadOnlyList<string> KeysAndValues { get; } = ["attn2.to_k", "attn2.to_v"];

    /// <summary>The UNet's adapters.</summary>
    public LoraOptions? UNetLora { get; init; }

    /// <summary>The text encoders' adapters, on each of them.</summary>
    public LoraOptions? TextLora { get; init; }

    /// <summary>Layers of the UNet whose own weights are trained; see <see cref="LoraTargets"/>.</summary>
    public IReadOnlyList<string>? UNetWeights { get; init; }

    /// <summary>Layers of the text encoders whose own weights are trained.</summary>
    public IReadOnlyList<string>? TextWeights { get; init; }

    /// <summary>Tokens whose vectors are trained.</summary>
    public IReadOnlyList<NewToken> Tokens { get; init; } = [];

    /// <summary>A ControlNet for the model, all of whose weights are trained; not owned.</summary>
    public ControlNetModel? ControlNet { get; init; }

    /// <summary>Whether what text encoders make of captions changes while training.</summary>
    public bool ChangesText => TextLora is not null || TextWeights is not null || Tokens.Count > 0;

    /// <summary>Refuses nothing at all, and parts that exclude each other.</summary>
    /// <exception cref="RecipesException">One of these, or a setting of a part is out of range.</exception>
    public void Check()
    {
        UNetLora?.Check();
        TextLora?.Check();
        foreach (var token in Tokens)
        {
            token.Check();
        }

        if (Tokens.GroupBy(token => token.Token).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new RecipesException(
                "Parts.Tokens", $"{twice.Key} is learned {twice.Count()} times", "Give each token a name of its own.");
        }

        var others = UNetLora is not null || UNetWeights is not null || ChangesText;
        Require(others || ControlNet is not null, "Parts", "nothing is trained", "Choose adapters, weights or tokens.");
        Require(
            !others || ControlNet is null,
            "Parts.ControlNet",
            "a ControlNet is trained against a base model that stays as it is",
            "Train the ControlNet by itself.");
        Require(
            UNetLora is null || UNetWeights is null,
            "Parts.UNetWeights",
            "the UNet has adapters, which would be fitted to weights that move",
            "Train either adapters or the weights themselves.");
        Require(
            TextLora is null || TextWeights is null,
            "Parts.TextWeights",
            "the text encoder has adapters, which would be fitted to weights that move",
            "Train either adapters or the weights themselves.");
    }

    private static void Require(bool right, string setting, string fault, string cure)
    {
        if (!right)
        {
            throw new RecipesException(setting, fault, cure);
        }
    }
}
