namespace Recipes.Core.Weights;

/// <summary>A linear map or convolution of a model, as its file's header shows it.</summary>
/// <param name="Name">The module's path in its network, such as <c>mid_block.attentions.0.proj_in</c>.</param>
/// <param name="Component">The network: unet, text_encoder or text_encoder_2.</param>
/// <param name="In">Features or channels that come in.</param>
/// <param name="Out">Features or channels that go out.</param>
/// <param name="Kernel">Width of the kernel; 1 for a linear map.</param>
/// <param name="Biased">Whether it adds a bias to each output.</param>
public sealed record LayerInfo(string Name, string Component, long In, long Out, long Kernel, bool Biased)
{
    private const string Suffix = ".weight";

    /// <summary>The layer of a weight tensor, or null for a bias, a norm or an embedding table.</summary>
    /// <param name="component">The network it is in.</param>
    /// <param name="tensor">The weight.</param>
    /// <param name="names">Every tensor of that network.</param>
    internal static LayerInfo? Of(string component, TensorInfo tensor, IReadOnlySet<string> names)
    {
        if (!tensor.Name.EndsWith(Suffix, StringComparison.Ordinal) || tensor.Shape.Length is not (2 or 4))
        {
            return null;
        }

        var name = tensor.Name[..^Suffix.Length];
        if (name.Split('.')[^1] is "token_embedding" or "position_embedding" or "class_embedding")
        {
            return null;
        }

        // Newer transformers leave out the prefix that older files, and this library's networks, have.
        var flat = component.StartsWith("text_encoder", StringComparison.Ordinal)
            && !name.StartsWith("text_model.", StringComparison.Ordinal)
            && name != "text_projection";
        return new LayerInfo(
            flat ? $"text_model.{name}" : name,
            component,
            tensor.Shape[1],
            tensor.Shape[0],
            tensor.Shape.Length == 4 ? tensor.Shape[^1] : 1,
            names.Contains($"{name}.bias"));
    }
}
