using System.Text.Json;
using SkiaSharp;

namespace Recipes.Core.Imaging.Annotators;

/// <summary>
/// A person's joints in OpenPose's COCO order: nose, neck, right shoulder, elbow, wrist, left shoulder, elbow, wrist,
/// right hip, knee, ankle, left hip, knee, ankle, right eye, left eye, right ear, left ear.
/// </summary>
public sealed class Pose
{
    /// <summary>Joints of a person.</summary>
    public const int Joints = 18;

    // Where each of the 18 stands among the 25 of OpenPose's newer order, which has the hips' middle and the feet.
    private static readonly int[] OfBody25 = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18];

    private readonly (float X, float Y)?[] _joints;

    /// <param name="joints">18 places, as parts of the picture's width and height; null where one is not seen.</param>
    /// <exception cref="ArgumentException">There are not 18.</exception>
    public Pose(IReadOnlyList<(float X, float Y)?> joints)
    {
        ArgumentNullException.ThrowIfNull(joints);
        if (joints.Count != Joints)
        {
            throw new ArgumentException($"a person has {Joints} joints, not {joints.Count}", nameof(joints));
        }

        _joints = [.. joints];
    }

    /// <summary>
    /// Reads the JSON that OpenPose and its ports write: <c>people[].pose_keypoints_2d</c> with x, y and confidence of
    /// 18 (COCO) or 25 (BODY_25) joints; a confidence of 0 is a joint not seen.
    /// </summary>
    /// <param name="path">The file; it may state <c>canvas_width</c> and <c>canvas_height</c>, too.</param>
    /// <param name="width">Width of the picture that the keypoints belong to, where the file states none.</param>
    /// <param name="height">Its height.</param>
    /// <exception cref="RecipesException">
    /// It is missing, no such JSON, or its keypoints have no size to belong to.
    /// </exception>
    public static IReadOnlyList<Pose> Read(string path, int? width = null, int? height = null)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = json.RootElement.ValueKind == JsonValueKind.Array && json.RootElement.GetArrayLength() == 1
                ? json.RootElement[0]
                : json.RootElement;
            if (root.ValueKind != JsonValueKind.Object
                || !root.TryGetProperty("people", out var people) || people.ValueKind != JsonValueKind.Array)
            {
                throw Bad(path, "it has no list \"people\"");
            }

            var canvas = (Width: Side(root, "canvas_width") ?? width, Height: Side(root, "canvas_height") ?? height);
            return [.. people.EnumerateArray().Select((person, number) => One(path, person, number + 1, canvas))];
        }
        catch (JsonException e)
        {
            throw new RecipesException(path, $"it is no JSON ({e.Message})", "Give a file as OpenPose writes it.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RecipesException(
                path, $"it cannot be read ({e.Message.TrimEnd('.')})", "Check the path and its permissions.", e);
        }
    }

    /// <summary>The joints in pixels of a picture of this size; null where one is not seen.</summary>
    internal IReadOnlyList<SKPoint?> At(int width, int height) =>
        [.. _joints.Select(joint => joint is var (x, y) ? new SKPoint(x * width, y * height) : (SKPoint?)null)];

    private static Pose One(string path, JsonElement person, int number, (int? Width, int? Height) canvas)
    {
        var numbers = person.ValueKind == JsonValueKind.Object
            && person.TryGetProperty("pose_keypoints_2d", out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().Select(value => Number(path, value, number)).ToArray()
            : throw Bad(path, $"person {number} has no list \"pose_keypoints_2d\"");
        if (numbers.Length is not (3 * Joints or 75))
        {
            throw Bad(path, $"person {number} has {numbers.Length} numbers where 18 or 25 joints have 54 or 75");
        }

        var seen = numbers.Chunk(3).Select(joint => joint[2] > 0 ? (joint[0], joint[1]) : ((float X, float Y)?)null);
        (float X, float Y)?[] all = [.. seen];
        if (all.Length == 25)
        {
            all = Array.ConvertAll(OfBody25, from => all[from]);
        }

        // Some ports write parts of the picture in place of pixels.
        if (all.All(joint => joint is not var (x, y) || (Math.Abs(x) <= 1 && Math.Abs(y) <= 1)))
        {
            return new Pose(all);
        }

        return canvas is { Width: int wide and > 0, Height: int high and > 0 }
            ? new Pose(Array.ConvertAll(all, joint => joint is var (x, y) ? (x / wide, y / high) : joint))
            : throw new RecipesException(
                path, "its keypoints are pixels of a picture whose size it does not state",
                "Give the picture's width and height, or state canvas_width and canvas_height in the file.");
    }

    private static float Number(string path, JsonElement value, int person) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out var number) && float.IsFinite(number)
            ? number
            : throw Bad(path, $"a keypoint of person {person} is no number");

    private static int? Side(JsonElement root, string name) =>
        root.TryGetProperty(name, out var side) && side.ValueKind == JsonValueKind.Number
        && side.TryGetInt32(out var value)
            ? value
            : null;

    private static RecipesException Bad(string path, string fault) =>
        new(path, fault, "Give a JSON file of keypoints as OpenPose writes it.");
}
