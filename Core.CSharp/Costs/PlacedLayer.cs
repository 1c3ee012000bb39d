using Recipes.Core.Weights;

namespace Recipes.Core.Costs;

/// <summary>What a layer is applied to.</summary>
public enum Rows
{
    /// <summary>Every pixel of a level.</summary>
    Pixels,

    /// <summary>Every token of the text.</summary>
    Tokens,

    /// <summary>One row for each picture, as the time's embedding.</summary>
    Once,
}

/// <summary>A layer of a denoiser or an autoencoder, and where in the network it works.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Rows">What it is applied to.</param>
/// <param name="Level">
/// How often height and width are halved where its output lies; counted from the finest level of the network.
/// </param>
/// <param name="Order">Layers of a lower number run before those of a higher one.</param>
public sealed record PlacedLayer(LayerInfo Layer, Rows Rows, int Level, int Order)
{
    /// <summary>Rows of its output for one picture.</summary>
    /// <param name="height">Of the finest level.</param>
    /// <param name="width">Of the finest level.</param>
    /// <param name="tokens">Of the text.</param>
    public long Count(long height, long width, long tokens) => Rows switch
    {
        Rows.Pixels => Pixels(height, width, Level),
        Rows.Tokens => tokens,
        _ => 1,
    };

    /// <summary>Pixels of a level; a negative one is finer than the first.</summary>
    public static long Pixels(long height, long width, int level) => Side(height, level) * Side(width, level);

    private static long Side(long side, int level) =>
        level < 0 ? side << -level : (side + (1L << level) - 1) >> level;
}
