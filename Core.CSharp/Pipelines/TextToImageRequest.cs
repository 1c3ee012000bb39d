namespace Recipes.Core.Pipelines;

/// <summary>What to draw from texts alone, and how.</summary>
public sealed record TextToImageRequest : DrawingRequest
{
    /// <summary>In pixels; the model's own by default.</summary>
    public int? Width { get; init; }

    /// <summary>In pixels; the model's own by default.</summary>
    public int? Height { get; init; }

    internal override string Name => "Text to image";

    /// <summary>Height and width of the latents.</summary>
    internal (long Height, long Width) LatentSize(StableDiffusionModel model) =>
        (Side(Height, "height", model), Side(Width, "width", model));

    private long Side(int? pixels, string name, StableDiffusionModel model)
    {
        var (factor, native) = (model.Vae.Config.Factor, model.UNet.Config.SampleSize);
        Require(
            pixels is null || (pixels > 0 && pixels % factor == 0),
            $"the {name} is {pixels} pixels",
            $"Give a multiple of {factor}, such as {native * factor}.");
        return pixels is null ? native : pixels.Value / factor;
    }
}
