using System.Text.Json;

namespace Recipes.Eval.Pocket;

/// <summary>What the embedded model reaches, as its card states it.</summary>
public sealed record PocketFigures
{
    private static readonly JsonSerializerOptions Layout = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
    };

    /// <summary>How they were taken.</summary>
    public required FigureOptions Options { get; init; }

    /// <summary>How often the CLIP finds the caption of a drawn picture.</summary>
    public required RetrievalRates Drawn { get; init; }

    /// <summary>The same for scenes composed of real icons: what the CLIP allows at most. Null without icons.</summary>
    public RetrievalRates? Composed { get; init; }

    /// <summary>Mean PSNR in dB of the autoencoder on scenes of held-out things. Null without icons.</summary>
    public double? VaePsnr { get; init; }

    /// <summary>The upscaler's figures. Null without icons.</summary>
    public UpscalerFigures? Upscaler { get; init; }

    /// <summary>Seconds of one guided picture, the median after a warm-up.</summary>
    public required double SecondsAPicture { get; init; }

    /// <summary>What the pictures were drawn on.</summary>
    public required string Device { get; init; }

    /// <summary>Threads of each operation on the CPU.</summary>
    public required int Threads { get; init; }

    /// <summary>Bytes of every file of the two model folders.</summary>
    public required long Bytes { get; init; }

    /// <summary>The same with the upscaler's figures.</summary>
    public PocketFigures WithUpscaler(UpscalerFigures figures) => this with { Upscaler = figures };

    /// <summary>The figures as indented JSON, names in snake case.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Layout) + "\n";

    /// <summary>Writes <see cref="ToJson"/>.</summary>
    public void Write(string path) => File.WriteAllText(path, ToJson());
}

/// <summary>Shares of pictures whose caption is found among its rivals.</summary>
/// <param name="Top1">As the nearest.</param>
/// <param name="Top5">Among the five nearest.</param>
public sealed record RetrievalRates(double Top1, double Top5);
