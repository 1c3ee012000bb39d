namespace Recipes.Core.Data;

/// <summary>
/// The sizes that pictures are trained at: one square, or several shapes of about the same area, so that little is cut
/// off.
/// </summary>
public sealed record BucketOptions
{
    /// <summary>Side of the square; no bucket has a greater area.</summary>
    public required int Size { get; init; }

    /// <summary>Whether there are other shapes than the square.</summary>
    public bool Shapes { get; init; } = true;

    /// <summary>Sides are multiples of it.</summary>
    public int Step { get; init; } = 64;

    /// <summary>The longest side; twice the square's by default.</summary>
    public int? MaxSide { get; init; }

    /// <summary>Whether pictures smaller than their bucket are enlarged, rather than getting a smaller bucket.</summary>
    public bool Upscale { get; init; } = true;

    /// <summary>What becomes of pictures that do not fill a batch.</summary>
    public Remainder Remainder { get; init; } = Remainder.Repeat;

    /// <summary>The longest side, whether it was set or not.</summary>
    internal int Longest => MaxSide ?? (2 * Size);

    /// <summary>Refuses sizes that a model cannot be trained at.</summary>
    /// <param name="granule">
    /// What sides must be multiples of: the autoencoder's factor × the UNet's halvings, 64 in the published models.
    /// </param>
    /// <exception cref="RecipesException">A size is out of range.</exception>
    public void Check(int granule)
    {
        Require(
            !Shapes || (Step >= granule && Step % granule == 0),
            "Step",
            $"{Step} px is no multiple of {granule}, the least that the model halves evenly",
            $"Set {Math.Max(1, (Step + granule - 1) / granule) * granule}.");
        var unit = Shapes ? Step : granule;
        Require(
            Size >= unit && Size % unit == 0,
            "Size",
            $"{Size} px is no multiple of {unit}",
            $"Set {Math.Max(1, Size / unit) * unit}.");
        Require(
            Longest >= Size,
            "MaxSide",
            $"{MaxSide} px is less than the size of {Size} px",
            $"Set {Size} or more, or leave it out.");
    }

    private static void Require(bool right, string setting, string fault, string cure)
    {
        if (!right)
        {
            throw new RecipesException($"Buckets.{setting}", fault, cure);
        }
    }
}
