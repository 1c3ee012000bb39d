using System.Globalization;

namespace Recipes.Core.Imaging.Annotators;

/// <summary>
/// Line drawings by differences of Gaussians with the soft threshold of XDoG (Winnemoller, Kyprianidis and Olsen,
/// "XDoG: an extended difference-of-Gaussians compendium", 2012), white lines on black: where the luma blurred by sigma
/// is darker than blurred by 1.6 sigma. Specks are left out.
/// </summary>
/// <remarks>No network draws the lines; strong texture is drawn too.</remarks>
public sealed record LineArtAnnotator : IAnnotator
{
    // The ratio of the two Gaussians that comes nearest to a Laplacian (Marr and Hildreth 1980).
    private const double Ratio = 1.6;

    /// <inheritdoc/>
    public string Kind => "lineart";

    /// <summary>Pixels: about half the width of the lines, above 0.</summary>
    public double Sigma { get; init; } = 1.4;

    /// <summary>What the difference of the two is multiplied by, above 0.</summary>
    public double Gain { get; init; } = 20;

    /// <summary>How much of full brightness the multiplied difference must have to be a line, 0 to 1.</summary>
    public double Threshold { get; init; } = 0.15;

    /// <summary>How steeply lines end, above 0.</summary>
    public double Steepness { get; init; } = 6;

    /// <summary>Lines of fewer pixels than the square of this part of the shorter side are specks; 0 to 1.</summary>
    public double Speck { get; init; } = 0.013;

    /// <inheritdoc/>
    /// <exception cref="RecipesException">A setting is out of its range.</exception>
    public Image Annotate(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (!(Sigma is > 0 and <= 50 && Gain > 0 && Steepness > 0
            && Threshold is >= 0 and <= 1 && Speck is >= 0 and <= 1))
        {
            throw new RecipesException(
                "control \"lineart\"",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"sigma {Sigma}, gain {Gain}, threshold {Threshold}, steepness {Steepness}, speck {Speck} "
                        + $"draw no lines"),
                "Take a sigma of up to 50, a threshold and a speck of 0 to 1, and the others above 0.");
        }

        var luma = Plane.OfLuma(image);
        var (near, far) = (luma.Blur(Sigma).Values, luma.Blur(Ratio * Sigma).Values);
        var lines = new int[near.Length];
        for (var i = 0; i < near.Length; i++)
        {
            // The difference alone, without the blurred picture itself: dark areas are not lines.
            var fall = (Gain * (far[i] - near[i]) / 255) - Threshold;
            lines[i] = fall <= 0 ? 0 : (int)Math.Round(255 * Math.Tanh(Steepness * fall));
        }

        return Draw(lines, image.Width, image.Height);
    }

    private Image Draw(int[] lines, int width, int height)
    {
        var kept = Array.ConvertAll(lines, line => line > 0 ? 1 : 0);
        Islands.Sink(kept, width, (int)Math.Pow(Speck * Math.Min(width, height), 2));
        var drawing = new Image(width, height);
        for (var i = 0; i < lines.Length; i++)
        {
            drawing.Pixels.AsSpan(i * Image.Channels, Image.Channels).Fill((byte)(lines[i] * kept[i]));
        }

        return drawing;
    }
}
