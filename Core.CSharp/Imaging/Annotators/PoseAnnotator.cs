using SkiaSharp;

namespace Recipes.Core.Imaging.Annotators;

/// <summary>
/// People as OpenPose draws them: 18 joints in its colours, limbs between them at six tenths of their brightness. The
/// keypoints must be given: no network here finds them.
/// </summary>
public sealed class PoseAnnotator : IAnnotator
{
    // The end points of each limb, in the order in which they are drawn and coloured.
    private static readonly (int From, int To)[] Limbs =
    [
        (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13), (1, 0),
        (0, 14), (14, 16), (0, 15), (15, 17),
    ];

    private static readonly SKColor[] Colours =
    [
        new(255, 0, 0), new(255, 85, 0), new(255, 170, 0), new(255, 255, 0), new(170, 255, 0), new(85, 255, 0),
        new(0, 255, 0), new(0, 255, 85), new(0, 255, 170), new(0, 255, 255), new(0, 170, 255), new(0, 85, 255),
        new(0, 0, 255), new(85, 0, 255), new(170, 0, 255), new(255, 0, 255), new(255, 0, 170), new(255, 0, 85),
    ];

    private readonly IReadOnlyList<Pose> _people;

    /// <param name="people">Whom to draw, see <see cref="Pose.Read"/>.</param>
    /// <exception cref="RecipesException">There is nobody.</exception>
    public PoseAnnotator(IReadOnlyList<Pose> people)
    {
        ArgumentNullException.ThrowIfNull(people);
        if (people.Count == 0)
        {
            throw new RecipesException(
                "control \"openpose\"", "there is nobody to draw", "Give at least one person's keypoints.");
        }

        _people = people;
    }

    /// <inheritdoc/>
    public string Kind => "openpose";

    /// <summary>The poses at the picture's size; of the picture itself nothing else is used.</summary>
    public Image Annotate(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        return Draw(image.Width, image.Height);
    }

    /// <summary>The poses on black.</summary>
    public Image Draw(int width, int height)
    {
        using var sketch = new Sketch(width, height);
        // OpenPose's sticks are 4 pixels from the middle, made for pictures of 512 pixels.
        var radius = 4f * Math.Max(1, Math.Min(width, height) / 512f);
        foreach (var person in _people)
        {
            var joints = person.At(width, height);
            for (var i = 0; i < Limbs.Length; i++)
            {
                if (joints[Limbs[i].From] is { } from && joints[Limbs[i].To] is { } to)
                {
                    sketch.Limb(from, to, 2 * radius, Dimmed(Colours[i]));
                }
            }

            for (var i = 0; i < joints.Count; i++)
            {
                if (joints[i] is { } joint)
                {
                    sketch.Disc(joint, radius, Colours[i]);
                }
            }
        }

        return sketch.ToImage();
    }

    private static SKColor Dimmed(SKColor colour) =>
        new((byte)(colour.Red * 0.6), (byte)(colour.Green * 0.6), (byte)(colour.Blue * 0.6));
}
