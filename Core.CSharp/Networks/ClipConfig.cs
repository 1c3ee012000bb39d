using System.Text.Json.Nodes;

namespace Recipes.Core.Networks;

/// <summary>The shape of a <see cref="ClipModel"/>: the fields of a transformers CLIPModel config.json.</summary>
public sealed record ClipConfig
{
    public ClipTextConfig Text { get; init; } = new();

    public ClipVisionConfig Vision { get; init; } = new();

    /// <summary>Width of the space both towers are projected into.</summary>
    public long ProjectionDim { get; init; } = 512;

    /// <summary>Logarithm of what cosines are multiplied by, before training.</summary>
    public double LogitScaleInitValue { get; init; } = 2.6592;

    /// <summary>Reads config.json, or the one in a folder.</summary>
    /// <exception cref="RecipesException">A field has a value that is not supported; it is named.</exception>
    public static ClipConfig Read(string path)
    {
        var file = SettingsFile.Read(path);
        file.Only("model_type", "clip");
        return new ClipConfig
        {
            Text = ClipTextConfig.Read(file.Object("text_config")) with { ProjectionDim = null },
            Vision = ClipVisionConfig.Read(file.Object("vision_config")),
            ProjectionDim = file.Integer("projection_dim", 512),
            LogitScaleInitValue = file.Number("logit_scale_init_value", 2.6592),
        };
    }

    /// <summary>Writes config.json into a folder, in the layout <see cref="Read"/> reads.</summary>
    public void Write(string folder) => ConfigWriter.Write(folder, new JsonObject
    {
        ["architectures"] = new JsonArray("CLIPModel"),
        ["logit_scale_init_value"] = LogitScaleInitValue,
        ["model_type"] = "clip",
        ["projection_dim"] = ProjectionDim,
        ["text_config"] = Text.ToJson(),
        ["vision_config"] = Vision.ToJson(ProjectionDim),
    });
}
