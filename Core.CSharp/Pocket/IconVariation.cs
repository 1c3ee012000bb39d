using TorchSharp;
using static TorchSharp.torch;

namespace Recipes.Core.Pocket;

/// <summary>
/// Icons in other colours and shapes than they were drawn in, so that a network that looks at few drawings of a thing
/// learns the thing and not the drawings: the hue turned, paler or darker, stretched along one side, bent in a wave.
/// </summary>
public static class IconVariation
{
    /// <summary>Numbers that describe the variation of one icon.</summary>
    public const int Width = Colours + Shapes;

    private const int Colours = 9;
    private const int Shapes = 6;
    private const double MaxStretch = .22;
    private const double MaxBend = .09;

    /// <summary>Variations of two icons a scene: float32 [scenes, 2, <see cref="Width"/>].</summary>
    /// <param name="scenes">How many scenes.</param>
    /// <param name="share">The share of icons that are varied, 0 to 1; the others stay as they are.</param>
    /// <param name="seed">Which variations.</param>
    public static Tensor Draw(int scenes, double share, int seed)
    {
        var random = new Random(seed);
        var values = new float[scenes * 2 * Width];
        for (var at = 0; at < values.Length; at += Width)
        {
            Fill(values.AsSpan(at, Width), random.NextDouble() < share ? random : null);
        }

        return torch.tensor(values, [scenes, 2, Width]);
    }

    /// <summary>Recolours icons whose colours are multiplied by their alpha.</summary>
    /// <param name="pictures">float32 [b, 4, height, width] of 0 to 1.</param>
    /// <param name="variations">float32 [b, <see cref="Width"/>].</param>
    public static Tensor Recolour(Tensor pictures, Tensor variations)
    {
        using var scope = NewDisposeScope();
        var alpha = pictures.narrow(1, 3, 1);
        var matrix = variations.narrow(1, 0, Colours).reshape(-1, 3, 3);
        var colours = matrix.bmm(pictures.narrow(1, 0, 3).flatten(2)).view(-1, 3, alpha.shape[2], alpha.shape[3]);
        return torch.cat([colours.clamp_(min: 0).minimum(alpha), alpha], 1).MoveToOuterDisposeScope();
    }

    /// <summary>Stretches and bends: from a point of the picture to the point of the icon that is seen there.</summary>
    /// <param name="grid">float32 [b, height, width, 2], x and y from -1 to 1 over the icon.</param>
    /// <param name="variations">float32 [b, <see cref="Width"/>].</param>
    public static Tensor Reshape(Tensor grid, Tensor variations)
    {
        using var scope = NewDisposeScope();
        var (x, y) = (grid.select(3, 0), grid.select(3, 1));
        Tensor Shape(int index) => variations.narrow(1, Colours + index, 1).unsqueeze(2);
        var across = (x * Shape(0)) + (Shape(2) * ((y * Math.PI) + Shape(3)).sin());
        var down = (y * Shape(1)) + (Shape(4) * ((x * Math.PI) + Shape(5)).sin());
        return torch.stack([across, down], 3).MoveToOuterDisposeScope();
    }

    private static void Fill(Span<float> values, Random? random)
    {
        var (angle, saturation, brightness) = (0.0, 1.0, 1.0);
        values[Colours] = values[Colours + 1] = 1;
        if (random is not null)
        {
            angle = Between(random, 0, Math.Tau);
            saturation = Between(random, .2, 1.15);
            brightness = Between(random, .7, 1.2);
            values[Colours] = (float)Math.Exp(Between(random, -MaxStretch, MaxStretch));
            values[Colours + 1] = (float)Math.Exp(Between(random, -MaxStretch, MaxStretch));
            for (var axis = 0; axis < 2; axis++)
            {
                values[Colours + 2 + (2 * axis)] = (float)Between(random, 0, MaxBend);
                values[Colours + 3 + (2 * axis)] = (float)Between(random, 0, Math.Tau);
            }
        }

        Turn(values, angle, saturation, brightness);
    }

    // The hue turns about the axis of greys (Rodrigues), whose part the saturation leaves alone.
    private static void Turn(Span<float> matrix, double angle, double saturation, double brightness)
    {
        var (own, grey, across) = (
            saturation * Math.Cos(angle),
            (1 - (saturation * Math.Cos(angle))) / 3,
            saturation * Math.Sin(angle) / Math.Sqrt(3));
        for (var row = 0; row < 3; row++)
        {
            for (var column = 0; column < 3; column++)
            {
                var side = ((column - row + 3) % 3) switch { 1 => -across, 2 => across, _ => own };
                matrix[(3 * row) + column] = (float)(brightness * (grey + side));
            }
        }
    }

    private static double Between(Random random, double low, double high) => low + ((high - low) * random.NextDouble());
}
